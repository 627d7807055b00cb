//! Waiting until a time comes or the faults change.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::network::Shared;
use crate::sync::{lock, wake};

/// The tasks that wait for the faults to change.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    tasks: Mutex<BTreeMap<u64, Waker>>,
    next: AtomicU64,
}

impl WaitingRoom {
    /// Everybody looks again.
    pub(super) fn call(&self) {
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        wake(tasks.into_values());
    }
}

/// The wait of one task. It has one place in the waiting room, which it gives up when it is dropped.
///
/// Dropping it drops a waker, so it must be done outside of locks.
pub(crate) struct Wait {
    shared: Arc<Shared>,
    place: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let place = shared.faults.waiting.next.fetch_add(1, Ordering::Relaxed);
        Self { shared, place, timer: None }
    }

    /// The generation of the faults of now.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.faults.generation()
    }

    /// Ready when `due` is reached or the faults are not those of generation `seen` any more. A time needs a tokio
    /// runtime.
    pub(crate) fn poll(&mut self, due: Option<Instant>, seen: u64, cx: &mut Context<'_>) -> Poll<()> {
        let waiting = &self.shared.faults.waiting;
        let replaced = lock(&waiting.tasks).insert(self.place, cx.waker().clone());
        drop(replaced);
        // After the registration, so that a change in between is not missed.
        if self.shared.faults.generation() != seen {
            return Poll::Ready(());
        }
        let Some(due) = due else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let gone = lock(&self.shared.faults.waiting.tasks).remove(&self.place);
        drop(gone);
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("place", &self.place).finish_non_exhaustive()
    }
}
