//! Locks and wakers.
//!
//! All locks are held for a few instructions and never over an await. A poisoned lock is used on: a panic in
//! the middle of such a section would be a bug of this crate, and ending every other instance because of it
//! would make it worse.
//!
//! Wakers are taken out and called after the lock is given back, and so are wakers that a newer one replaces:
//! what they run or drop may come back to the same lock.
//!
//! Order where two locks are held: listener queue, then a connect attempt or a socket table. Nothing else
//! nests.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Waker};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// The task that waits for something: the last one that asked.
#[derive(Debug, Default)]
pub(crate) struct WakerSlot(Option<Waker>);

impl WakerSlot {
    /// Remembers the caller's task. The waker that it replaces is given back, to be dropped after the lock.
    #[must_use]
    pub(crate) fn register(&mut self, cx: &Context<'_>) -> Option<Waker> {
        match &self.0 {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => self.0.replace(cx.waker().clone()),
        }
    }

    /// Takes the waiting task, to be woken after the lock.
    #[must_use]
    pub(crate) fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }
}

/// Wakes what was taken out of slots.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
