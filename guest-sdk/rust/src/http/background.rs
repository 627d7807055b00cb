//! Work that goes on after a handler has returned, for less than a task costs: the writing of a body.
//!
//! A [task](crate::spawn) can be awaited and cancelled, and that costs allocations and a turn of the executor, for each
//! request. Here a future is polled once at once, and again by its own waker when the host has an event for it. The
//! component's task is not over before: the executor counts what is waited for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

type Work = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Running {
    last: u64,
    work: BTreeMap<u64, Work>,
}

thread_local! {
    /// An instance has one thread.
    static RUNNING: RefCell<Running> = RefCell::default();
}

/// Runs `work` in the background. Call it in a request, as the host's events come with one. Dropping a part of an instance
/// that is torn down drops the work too.
///
/// `work` must wait for the host only: what it waits for is polled in the waker, wherever that is called.
pub(super) fn run(work: impl Future<Output = ()> + 'static) {
    let number = RUNNING.with_borrow_mut(|running| {
        running.last = running.last.wrapping_add(1);
        running.last
    });
    turn(number, Box::pin(work));
}

/// Polls, and keeps what is not done.
fn turn(number: u64, mut work: Work) {
    let state = Arc::new(Number { number, woken: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&state));
    while state.woken.swap(false, Ordering::Relaxed) {
        if work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            return;
        }
    }
    RUNNING.with_borrow_mut(|running| running.work.insert(number, work));
}

struct Number {
    number: u64,
    /// It was woken while it was polled.
    woken: AtomicBool,
}

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        // Nothing is borrowed while it is polled: that may run other background work.
        let work = RUNNING.with_borrow_mut(|running| running.work.remove(&self.number));
        match work {
            Some(work) => turn(self.number, work),
            None => self.woken.store(true, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    #[test]
    fn work_goes_on_when_it_is_woken_until_it_is_done() {
        let (turns, waker) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None::<Waker>)));
        let (counted, kept) = (Rc::clone(&turns), Rc::clone(&waker));
        run(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            *kept.borrow_mut() = Some(cx.waker().clone());
            if counted.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
        }));
        for turn in 1..=3 {
            assert_eq!(turns.get(), turn);
            let woken = waker.borrow_mut().take().unwrap();
            woken.wake();
        }
        assert_eq!(turns.get(), 3, "it is done");
        RUNNING.with_borrow(|running| assert!(running.work.is_empty()));
    }

    #[test]
    fn work_that_wakes_itself_goes_on() {
        let turns = Rc::new(Cell::new(0));
        let counted = Rc::clone(&turns);
        run(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            if counted.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(turns.get(), 3);
    }
}
