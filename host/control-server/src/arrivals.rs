//! Connections whose request has not come yet: so many at a time, and for one more the oldest goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Those of one listener.
#[derive(Clone)]
pub(crate) struct Arrivals {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    /// The number of the next one.
    next: u64,
    /// By number; what is dropped tells the connection to go.
    there: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One of them, until its request has come: then it is dropped.
pub(crate) struct Arrival {
    arrivals: Arrivals,
    number: u64,
}

impl Arrivals {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), waiting: Arc::default() }
    }

    /// One more, and what ends when it has to go or its request has come.
    pub(crate) fn enter(&self) -> (Arrival, oneshot::Receiver<()>) {
        let (stay, go) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.there.len() >= self.most {
            waiting.there.pop_first();
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.there.insert(number, stay);
        (Arrival { arrivals: self.clone(), number }, go)
    }
}

impl Arrival {
    /// Its request has come; nothing if it had to go already.
    pub(crate) fn has_come(self) {
        let mut waiting = self.arrivals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stay) = waiting.there.remove(&self.number) {
            // It told that it stays.
            let _ = stay.send(());
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut waiting = self.arrivals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.there.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_for_one_more_and_whose_request_has_come_stays() {
        let arrivals = Arrivals::new(2);
        let (first, mut first_goes) = arrivals.enter();
        let (_second, mut second_goes) = arrivals.enter();
        first.has_come();
        assert_eq!(first_goes.try_recv(), Ok(()), "it stays");
        let (_third, mut third_goes) = arrivals.enter();
        assert!(second_goes.try_recv().unwrap_err() == oneshot::error::TryRecvError::Empty);
        let (fourth, _) = arrivals.enter();
        assert_eq!(second_goes.try_recv(), Err(oneshot::error::TryRecvError::Closed), "it was the oldest");
        assert_eq!(third_goes.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        drop(fourth);
        let (_fifth, _) = arrivals.enter();
        assert_eq!(third_goes.try_recv(), Err(oneshot::error::TryRecvError::Empty), "there was a place");
    }
}
