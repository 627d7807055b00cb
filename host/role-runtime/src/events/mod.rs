//! What a running instance is asked and told: the host side of `wasm-roles:role/events`.
//!
//! ```text
//! owner ── Teller ──► queue ──► inside the store: the handler, beside `run` and requests
//!    ▲        │ deadlines, outside the store         │
//!    └────────┴───────────── Outcome ◄───────────────┘
//! ```
//!
//! Every question has an [`Outcome`], and it comes within [`HEARING`] and [`DEADLINE`] whatever the guest does. Nothing
//! inside the store keeps time: while a guest blocks in WASI 0.2 nothing there is polled.
//!
//! | outcome | meaning | `changing` | `status-check` |
//! |---|---|---|---|
//! | [`Answered`](Outcome::Answered) | the handler has answered | its verdict | its answer |
//! | [`NoHandler`](Outcome::NoHandler) | the role exports none | accepted | ready |
//! | [`Unavailable`](Outcome::Unavailable) | it was not told: it blocks, or is not Ready | accepted | as it was |
//! | [`TimedOut`](Outcome::TimedOut) | the handler has begun and does not return | accepted | busy |
//! | [`Failed`](Outcome::Failed) | the instance ended meanwhile | it gets the new values when it starts again | |
//!
//! A program that blocks serves its clients while it does, so that it cannot be asked is no reason to take it out of the
//! rotation, nor to let it in again; a handler that has begun and hangs is a reason to take it out. Settings that were changed without `changed` being heard are seen
//! when the guest next asks for them.

mod hear;
mod tell;

use std::fmt;
use std::time::Duration;

pub(crate) use hear::{EventExports, EventIndices, hear};
pub use tell::Teller;
pub(crate) use tell::{Listener, line};

/// How long a guest may take to begin with a handler. One that awaits anything asynchronous begins at once; one that
/// blocks or computes all the time would never do. Long enough for a machine that serves a thousand instances.
pub const HEARING: Duration = Duration::from_secs(1);

/// How long a handler may take. Shorter than the 15 seconds between two status checks, so that one is over before the
/// next; a third of the usual stop budget, so that a silent `stopping` leaves time for `on-stop`.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Something that changes while the service runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The setting of this name has, or will have, another value.
    ConfigurationSetting(String),
    /// Instances of the role of this name come or go.
    Topology(String),
}

/// The answer to a change that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Change it while the instance runs.
    Accept,
    /// Stop the instance, change it, start it again.
    Recycle,
}

/// The answer to the question whether an instance can take traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot, until it is asked again.
    Busy,
}

/// The functions of `wasm-roles:role/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleEvent {
    /// A change is about to be made.
    Changing,
    /// A change has been made.
    Changed,
    /// Can the instance take traffic?
    StatusCheck,
    /// The instance has left the rotation; `on-stop` follows.
    Stopping,
    /// A change of topology is about to be made, everywhere at once.
    SimultaneousChanging,
    /// A change of topology has been made, everywhere at once.
    SimultaneousChanged,
}

impl fmt::Display for RoleEvent {
    /// The name in the contract, such as `status-check`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Changing => "changing",
            Self::Changed => "changed",
            Self::StatusCheck => "status-check",
            Self::Stopping => "stopping",
            Self::SimultaneousChanging => "simultaneous-changing",
            Self::SimultaneousChanged => "simultaneous-changed",
        })
    }
}

/// What became of a question or of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The handler has answered.
    Answered(T),
    /// The role has no such handler.
    NoHandler,
    /// The handler was not called and will not be: the guest blocks or computes without a pause, or the instance is
    /// not Ready.
    Unavailable,
    /// The handler was called, now or at an earlier time, and has not returned. What it answers later is ignored.
    TimedOut,
    /// The instance ended before the handler had answered. Its [`End`](crate::End) says why.
    Failed,
}

impl Outcome<Verdict> {
    /// What the outcome of `changing` stands for: whoever does not object accepts.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Answered(verdict) => verdict,
            Self::NoHandler | Self::Unavailable | Self::TimedOut | Self::Failed => Verdict::Accept,
        }
    }
}

impl Outcome<Readiness> {
    /// What the outcome of `status-check` stands for: whoever has no handler is ready, whoever does not return is busy. None:
    /// the instance is what it was before, because it was not asked or has ended.
    #[must_use]
    pub const fn readiness(self) -> Option<Readiness> {
        match self {
            Self::Answered(readiness) => Some(readiness),
            Self::NoHandler => Some(Readiness::Ready),
            Self::TimedOut => Some(Readiness::Busy),
            Self::Unavailable | Self::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_not_object_to_a_change_accepts_it() {
        let cases = [
            (Outcome::Answered(Verdict::Recycle), Verdict::Recycle),
            (Outcome::Answered(Verdict::Accept), Verdict::Accept),
            (Outcome::NoHandler, Verdict::Accept),
            (Outcome::Unavailable, Verdict::Accept),
            (Outcome::TimedOut, Verdict::Accept),
            (Outcome::Failed, Verdict::Accept),
        ];
        for (outcome, verdict) in cases {
            assert_eq!(outcome.verdict(), verdict, "{outcome:?}");
        }
    }

    #[test]
    fn whoever_has_no_handler_is_ready_and_whoever_does_not_return_is_busy() {
        let cases = [
            (Outcome::Answered(Readiness::Busy), Some(Readiness::Busy)),
            (Outcome::Answered(Readiness::Ready), Some(Readiness::Ready)),
            (Outcome::NoHandler, Some(Readiness::Ready)),
            (Outcome::Unavailable, None),
            (Outcome::TimedOut, Some(Readiness::Busy)),
            (Outcome::Failed, None),
        ];
        for (outcome, readiness) in cases {
            assert_eq!(outcome.readiness(), readiness, "{outcome:?}");
        }
    }
}
