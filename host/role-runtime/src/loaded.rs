//! Code that is loaded already. Whoever loads the same bytes again, for another role or another deployment, gets the same code:
//! it is compiled once, and is in memory once.
//!
//! Bytes are told apart by their SHA-256, so nobody can be given other code than their own. Code that nobody has any more is
//! dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::compiled::Digest;

/// Code by the bytes that it came from. While somebody loads it, others wait at its place.
pub(crate) struct Loaded<T>(Mutex<HashMap<Digest, Arc<Place<T>>>>);

type Place<T> = Mutex<Weak<T>>;

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Loaded<T> {
    /// What was loaded from the bytes of this digest and is there, or else what `load` makes of them. It blocks as long as somebody
    /// else loads the same.
    ///
    /// # Errors
    ///
    /// What `load` says; that is not remembered.
    pub(crate) fn get_or<E>(
        &self,
        bytes: Digest,
        load: impl FnOnce() -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let place = self.place(bytes);
        let mut there = lock(&place);
        if let Some(code) = there.upgrade() {
            return Ok(code);
        }
        let code = load()?;
        *there = Arc::downgrade(&code);
        Ok(code)
    }

    fn place(&self, name: Digest) -> Arc<Place<T>> {
        let mut places = lock(&self.0);
        // Places that nobody waits at and whose code is gone.
        places.retain(|_, place| Arc::strong_count(place) > 1 || lock(place).strong_count() > 0);
        Arc::clone(places.entry(name).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn load(loaded: &Loaded<String>, bytes: &str, times: &AtomicU32) -> Arc<String> {
        let load = || {
            times.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Arc::new(bytes.to_owned()))
        };
        loaded.get_or(Digest::of(bytes.as_bytes()), load).unwrap()
    }

    #[test]
    fn the_same_bytes_are_loaded_once_as_long_as_somebody_has_them() {
        let (loaded, times) = (Loaded::default(), AtomicU32::new(0));
        let (first, second) = (load(&loaded, "a", &times), load(&loaded, "a", &times));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(*load(&loaded, "b", &times), "b");
        assert_eq!(times.load(Ordering::Relaxed), 2);
        drop((first, second));
        load(&loaded, "a", &times);
        assert_eq!((times.into_inner(), lock(&loaded.0).len()), (3, 1), "b is forgotten");
    }

    #[test]
    fn what_could_not_be_loaded_is_tried_again() {
        let loaded = Loaded::<String>::default();
        assert_eq!(loaded.get_or(Digest::of(b"a"), || Err("broken")).unwrap_err(), "broken");
        assert_eq!(*load(&loaded, "a", &AtomicU32::new(0)), "a");
    }

    #[test]
    fn of_many_who_load_the_same_at_once_one_does_it_and_all_have_it() {
        let (loaded, times, begin) = (Loaded::default(), AtomicU32::new(0), Barrier::new(8));
        let all: Vec<Arc<String>> = std::thread::scope(|scope| {
            let loads = || {
                begin.wait();
                load(&loaded, "a", &times)
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(loads)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(times.into_inner(), 1);
        assert!(all.iter().all(|code| Arc::ptr_eq(code, &all[0])));
    }
}
