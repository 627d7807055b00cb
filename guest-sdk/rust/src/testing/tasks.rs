//! Tasks and time, as the double has them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::environment::{Double, current};
use super::executor::{AlarmKey, Spawned};

pub(crate) fn spawn_local<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    current("spawn").executor.spawn(future)
}

pub(crate) fn sleep(duration: Duration) -> Sleep {
    let double = current("sleep");
    let at = double.executor.now().saturating_add(duration);
    Sleep { double, at, alarm: None }
}

pub(crate) struct Sleep {
    double: Rc<Double>,
    at: Duration,
    alarm: Option<AlarmKey>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Even who waits for no time at all gives the others a turn.
        let waited = self.alarm.take().is_some_and(|alarm| !self.double.executor.drop_alarm(alarm));
        if waited {
            return Poll::Ready(());
        }
        self.alarm = Some(self.double.executor.set_alarm(self.at, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm {
            self.double.executor.drop_alarm(alarm);
        }
    }
}

/// A task's result, when it comes.
struct Outcome<T> {
    result: Cell<Option<T>>,
    finished: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl<T> Outcome<T> {
    fn finish(&self, result: Option<T>) {
        self.result.set(result);
        self.finished.set(true);
        let waiting = self.waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

pub(crate) struct JoinHandle<T> {
    outcome: Rc<Outcome<T>>,
    task: Option<Rc<Spawned>>,
}

impl<T> JoinHandle<T> {
    /// What the task is to do, and a handle that is to be given the task.
    pub(super) fn of(future: impl Future<Output = T>) -> (impl Future<Output = ()>, Self) {
        let outcome = Rc::new(Outcome {
            result: Cell::new(None),
            finished: Cell::new(false),
            waiting: RefCell::new(None),
        });
        let handle = Self { outcome: Rc::clone(&outcome), task: None };
        (async move { outcome.finish(Some(future.await)) }, handle)
    }

    pub(super) fn for_task(self, task: Rc<Spawned>) -> Self {
        Self { task: Some(task), ..self }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.outcome.finished.get()
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.outcome.result.take()
    }

    pub(crate) fn cancel(&mut self) {
        if self.is_finished() {
            return;
        }
        if let Some(task) = self.task.take() {
            task.cancel();
        }
        self.outcome.finish(None);
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.is_finished() {
            return Poll::Ready(self.take());
        }
        self.outcome.waiting.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}
