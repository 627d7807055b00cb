//! The idle time-out of a connection from outside.
//!
//! What counts is what this process sees: bytes that the guest reads, and bytes that the operating system takes. So a
//! client that sends to a guest which does not read is idle too.
//!
//! A connection without a time-out costs nothing. One that has it has a timer task, which ends with the connection.

use std::future::Future;
use std::sync::Weak;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::system::SystemEnd;

/// How a connection from outside is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandOverOptions {
    /// The connection is reset when no byte has passed in either direction for so long, the time in the backlog included.
    /// Default: never.
    pub idle_timeout: Option<Duration>,
    /// What the client says came encrypted: the instance can [ask](crate::TcpStream::is_secured). Default: no.
    pub secured: bool,
}

impl HandOverOptions {
    /// Options with this idle time-out; `None`: never.
    #[must_use]
    pub const fn idle_after(idle_timeout: Option<Duration>) -> Self {
        Self { idle_timeout, secured: false }
    }

    /// The same for a connection that is encrypted outside, or is not.
    #[must_use]
    pub const fn with_secured(self, secured: bool) -> Self {
        Self { secured, ..self }
    }
}

/// When the last byte of a connection passed, for a connection with an idle time-out.
#[derive(Debug)]
pub(super) struct IdleClock {
    moved_at: Instant,
    timer: Option<Timer>,
}

impl IdleClock {
    pub(super) fn new() -> Self {
        Self { moved_at: Instant::now(), timer: None }
    }

    /// Bytes passed.
    pub(super) fn moved(&mut self) {
        self.moved_at = Instant::now();
    }

    pub(super) fn moved_at(&self) -> Instant {
        self.moved_at
    }

    /// Lets the timer end with the connection.
    pub(super) fn keep(&mut self, timer: Timer) {
        self.timer = Some(timer);
    }
}

/// A timer task; it ends when this is dropped, so that short connections with long time-outs leave nothing behind.
#[derive(Debug)]
pub(super) struct Timer(AbortHandle);

impl Timer {
    pub(super) fn start(runtime: &Handle, end: Weak<SystemEnd>, timeout: Duration) -> Self {
        Self(runtime.spawn(reset_when_idle(end, timeout)).abort_handle())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Resets the connection when nothing has passed for `timeout`.
fn reset_when_idle(end: Weak<SystemEnd>, timeout: Duration) -> impl Future<Output = ()> + Send {
    let mut moved_at = Instant::now();
    async move {
        // A time-out beyond the end of time never comes.
        while let Some(due) = moved_at.checked_add(timeout) {
            sleep_until(due).await;
            let Some(end) = end.upgrade() else { return };
            match end.moved_at() {
                None => return,
                Some(last) if last > moved_at => moved_at = last,
                Some(_) => return end.abort(),
            }
        }
    }
}
