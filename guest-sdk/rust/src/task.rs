//! Concurrent tasks and time.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(not(target_family = "wasm"))]
use crate::testing::tasks as system;
#[cfg(target_family = "wasm")]
use component as system;

/// Tasks and time as the component model has them. The double for tests has the same functions.
#[cfg(target_family = "wasm")]
mod component {
    pub(super) use wit_bindgen::{JoinHandle, spawn_local};

    pub(super) async fn sleep(duration: std::time::Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        wasip3::clocks::monotonic_clock::wait_for(nanoseconds).await;
    }
}

/// Runs a future concurrently with the task that calls this, on the same thread.
///
/// The future belongs to the call of the fabric in which it was spawned (`on_start`, `run`, a request …) and may go on
/// after that call has returned; it ends with the instance.
///
/// # Panics
///
/// When it is called outside a task: from a destructor that runs while the component is torn down, or in a unit test
/// without a [test double](crate::testing).
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    Task(system::spawn_local(future))
}

/// A spawned task. Awaiting it gives its result, or `None` if it was cancelled; dropping it lets the task go on.
#[must_use = "a task goes on when its handle is dropped: say so with `drop` or `let _ =`"]
pub struct Task<T>(system::JoinHandle<T>);

impl<T> Task<T> {
    /// Drops the task's future, unless the task has already finished.
    pub fn cancel(&mut self) {
        self.0.cancel();
    }
}

impl<T> Future for Task<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// Waits while other tasks go on. A time beyond 584 years is taken as that.
pub async fn sleep(duration: Duration) {
    system::sleep(duration).await;
}

/// Waits for a future, but no longer than this.
///
/// # Errors
///
/// [`Elapsed`] when the time is over first; the future is dropped.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    first_of(future, sleep(duration)).await
}

/// Polls the work before the alarm, so that work that is already done counts as in time.
async fn first_of<F: Future>(work: F, alarm: impl Future<Output = ()>) -> Result<F::Output, Elapsed> {
    let mut work = pin!(work);
    let mut alarm = pin!(alarm);
    poll_fn(|context| {
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        alarm.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}

/// The time of a [`timeout`] was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Elapsed, first_of};
    use std::future::{Future, pending, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn work_that_is_done_in_time_gives_its_result() {
        assert_eq!(poll_once(first_of(ready(7), pending())), Poll::Ready(Ok(7)));
    }

    #[test]
    fn work_that_is_done_when_the_alarm_rings_is_in_time() {
        assert_eq!(poll_once(first_of(ready(7), ready(()))), Poll::Ready(Ok(7)));
    }

    #[test]
    fn the_alarm_ends_work_that_is_not_done() {
        assert_eq!(poll_once(first_of(pending::<()>(), ready(()))), Poll::Ready(Err(Elapsed)));
    }

    #[test]
    fn until_then_both_are_waited_for() {
        assert_eq!(poll_once(first_of(pending::<()>(), pending())), Poll::Pending);
    }
}
