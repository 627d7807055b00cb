//! Locks and wakers.
//!
//! All locks are held for a few instructions and never over an await. A poisoned lock is used on: a panic in
//! the middle of such a section would be a bug of this crate, and ending every other instance because of it
//! would make it worse.
//!
//! Wakers are taken out and called after the lock is given back, and so are wakers that a newer one replaces:
//! what they run or drop may come back to the same lock.
//!
//! Order where two locks are held: listener queue, then a connect attempt or a socket table; listener queue or a
//! direction of a connection, then a conversation of the capture and what its tap locks; a direction of a connection, then
//! the book of faults, then the policy. Nothing else nests.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll, Waker};

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

/// Something that is decided once, by whoever comes first, and taken once.
#[derive(Debug)]
pub(crate) struct Outcome<T> {
    state: Mutex<OutcomeState<T>>,
}

#[derive(Debug)]
struct OutcomeState<T> {
    decided: bool,
    value: Option<T>,
    waiting: WakerSlot,
}

impl<T> Outcome<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(OutcomeState { decided: false, value: None, waiting: WakerSlot::default() }),
        }
    }

    /// Decides it, unless that is done; then `value` is dropped.
    pub(crate) fn settle(&self, value: T) {
        let mut state = lock(&self.state);
        let late = if state.decided { Some(value) } else { state.value.replace(value) };
        state.decided = true;
        let waiting = state.waiting.take();
        drop(state);
        drop(late);
        wake(waiting);
    }

    /// Takes the value, if there is one now.
    pub(crate) fn take(&self) -> Option<T> {
        lock(&self.state).value.take()
    }

    /// Ready once it is decided.
    pub(crate) fn poll_settled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.decided {
            return Poll::Ready(());
        }
        let replaced = state.waiting.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}
