//! The life of an instance under supervision, as a pure function of what happens to it.
//!
//! ```text
//! Created -> Starting -> Ready -> Stopping -> Stopped
//!               ^          | ^
//!               |          | +---- Busy     it says so, until a status check says that it is ready again
//!               |          v
//!               +----- Recycling            every end that nobody asked for, and a change that needs another incarnation
//! ```
//!
//! A recycle waits: 1 second, then twice as long each time, at most 60 seconds. An incarnation that was Ready for
//! 5 minutes has proved itself, and the next wait is 1 second again (facts: life cycle, "Recycling and back-off").
//! Being Busy in between counts as Ready. An instance that is recycled for a change does not wait: it did as
//! it should.
//!
//! An instance leaves the rotation before it is asked to stop (facts: life cycle, "Stop sequence").
//!
//! Nothing here knows what an incarnation is: [`Lifecycle::step`] says what to do, the supervisor does it.

use std::fmt;
use std::time::Duration;

use wasm_roles_role_runtime::Readiness;

/// The wait before the first recycle.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// How long an incarnation has to be Ready for its predecessors' ends to be forgotten.
const PROVED: Duration = Duration::from_secs(5 * 60);

/// Where an instance is in its life, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Planned, not started yet.
    Created,
    /// An incarnation is being started. It takes no traffic.
    Starting,
    /// It takes traffic.
    Ready,
    /// It runs and has said that it can take no traffic, or did not say that it can. It is asked again.
    Busy,
    /// The incarnation is ending or has ended, and another one will follow.
    Recycling,
    /// It was asked to stop and has not ended yet.
    Stopping,
    /// Nothing is left of it.
    Stopped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Created => "Created",
            Self::Starting => "Starting",
            Self::Ready => "Ready",
            Self::Busy => "Busy",
            Self::Recycling => "Recycling",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        })
    }
}

/// What happens to an instance. Times are read from one clock that only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It shall start, for the first time or after a rest.
    Start,
    /// Its incarnation is Ready.
    Ready {
        /// When.
        at: Duration,
    },
    /// Its incarnation was asked whether it can take traffic.
    Checked(Readiness),
    /// It shall have its next incarnation at once: it refused a change, has other certificates, or somebody wants it so.
    Renew {
        /// When.
        at: Duration,
    },
    /// It shall stop, and may be started again.
    Rest,
    /// As [`Renew`](Self::Renew), and the next one runs something else: how often the one before failed does not count any
    /// more.
    Replace {
        /// When.
        at: Duration,
    },
    /// Its incarnation stops by itself: run returned, or the guest asked for a recycle.
    Leaving {
        /// When.
        at: Duration,
    },
    /// Nothing is left of its incarnation.
    Ended {
        /// When.
        at: Duration,
    },
    /// The wait that [`Action::Wait`] asked for is over.
    BackOffOver,
    /// It shall stop for good.
    Stop,
}

/// What the owner of an instance wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It shall run.
    Run,
    /// It shall stop, and may be wanted again.
    Rest,
    /// It shall stop for good.
    Stop,
    /// The same, and at once: it is cut off and waited for.
    Kill,
}

/// What the supervisor has to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start an incarnation.
    Launch,
    /// Let it take traffic.
    EnterRotation,
    /// Let it take no new traffic.
    LeaveRotation,
    /// Ask the incarnation to stop.
    StopIncarnation,
    /// Ask the incarnation to make room for the next one.
    RecycleIncarnation,
    /// Wait before the next incarnation.
    Wait {
        /// The how many-th recycle in a row this is, from 1.
        attempt: u32,
        /// How long.
        delay: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Created,
    Starting,
    Ready {
        since: Duration,
    },
    Busy {
        since: Duration,
    },
    Leaving,
    /// Leaving too, and the next incarnation is not to wait.
    Renewing,
    BackingOff,
    /// Stopping, and may be wanted again.
    Settling,
    /// Stopped, and may be wanted again.
    Resting,
    Stopping,
    Stopped,
}

/// The state of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    stage: Stage,
    /// Recycles since an incarnation last proved itself.
    recycles: u32,
}

impl Lifecycle {
    /// An instance that was not started yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { stage: Stage::Created, recycles: 0 }
    }

    /// Where the instance is.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.stage {
            Stage::Created => Status::Created,
            Stage::Starting => Status::Starting,
            Stage::Ready { .. } => Status::Ready,
            Stage::Busy { .. } => Status::Busy,
            Stage::Leaving | Stage::Renewing | Stage::BackingOff => Status::Recycling,
            Stage::Settling | Stage::Stopping => Status::Stopping,
            Stage::Resting | Stage::Stopped => Status::Stopped,
        }
    }

    /// Whether it has stopped and may be wanted again.
    #[must_use]
    pub const fn rests(&self) -> bool {
        matches!(self.stage, Stage::Resting)
    }

    /// Whether it has stopped for good.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Stopped)
    }

    /// What a wish comes to here; none when it is fulfilled, or being fulfilled.
    #[must_use]
    pub const fn input_of(&self, wish: Wish) -> Option<Input> {
        match (self.stage, wish) {
            (Stage::Stopping | Stage::Stopped, _) => None,
            (_, Wish::Stop | Wish::Kill) => Some(Input::Stop),
            (Stage::Created | Stage::Resting, Wish::Run) => Some(Input::Start),
            // One that is still stopping starts again when it has stopped.
            (_, Wish::Run) | (Stage::Settling | Stage::Resting, Wish::Rest) => None,
            (_, Wish::Rest) => Some(Input::Rest),
        }
    }

    /// The state after `input` and what to do about it. An input that has no meaning in this state changes nothing.
    #[must_use]
    pub fn step(self, input: Input) -> (Self, Vec<Action>) {
        use Action::{EnterRotation, Launch, LeaveRotation, RecycleIncarnation, StopIncarnation};
        match (self.stage, input) {
            (_, Input::Replace { at }) => Self { recycles: 0, ..self }.step(Input::Renew { at }),
            (Stage::Created, Input::Start)
            | (Stage::BackingOff, Input::BackOffOver | Input::Renew { .. })
            | (Stage::Renewing, Input::Ended { .. }) => (self.at(Stage::Starting), vec![Launch]),
            // Whoever has started it has an idea why it will be better now.
            (Stage::Resting, Input::Start) => (Self { stage: Stage::Starting, recycles: 0 }, vec![Launch]),
            (Stage::Starting, Input::Ready { at }) => {
                (self.at(Stage::Ready { since: at }), vec![EnterRotation])
            }
            (Stage::Starting, Input::Leaving { .. }) => (self.at(Stage::Leaving), vec![]),
            (Stage::Ready { since }, Input::Checked(Readiness::Busy)) => {
                (self.at(Stage::Busy { since }), vec![LeaveRotation])
            }
            (Stage::Busy { since }, Input::Checked(Readiness::Ready)) => {
                (self.at(Stage::Ready { since }), vec![EnterRotation])
            }
            (Stage::Ready { since } | Stage::Busy { since }, Input::Renew { at }) => {
                (self.judged(since, at).at(Stage::Renewing), vec![LeaveRotation, RecycleIncarnation])
            }
            // It takes no traffic yet.
            (Stage::Starting, Input::Renew { .. }) => (self.at(Stage::Renewing), vec![RecycleIncarnation]),
            (Stage::Leaving, Input::Renew { .. }) => (self.at(Stage::Renewing), vec![]),
            (Stage::Ready { since } | Stage::Busy { since }, Input::Leaving { at }) => {
                (self.judged(since, at).at(Stage::Leaving), vec![LeaveRotation])
            }
            (Stage::Ready { since } | Stage::Busy { since }, Input::Ended { at }) => {
                let (next, wait) = self.judged(since, at).backing_off();
                (next, vec![LeaveRotation, wait])
            }
            (Stage::Starting | Stage::Leaving, Input::Ended { .. }) => {
                let (next, wait) = self.backing_off();
                (next, vec![wait])
            }
            (Stage::Ready { .. } | Stage::Busy { .. }, Input::Stop) => {
                (self.at(Stage::Stopping), vec![LeaveRotation, StopIncarnation])
            }
            (Stage::Ready { .. } | Stage::Busy { .. }, Input::Rest) => {
                (self.at(Stage::Settling), vec![LeaveRotation, StopIncarnation])
            }
            (Stage::Starting | Stage::Leaving | Stage::Renewing, Input::Stop) => {
                (self.at(Stage::Stopping), vec![StopIncarnation])
            }
            (Stage::Starting | Stage::Leaving | Stage::Renewing, Input::Rest) => {
                (self.at(Stage::Settling), vec![StopIncarnation])
            }
            // It was asked to stop already.
            (Stage::Settling, Input::Stop) => (self.at(Stage::Stopping), vec![]),
            (Stage::Created | Stage::BackingOff, Input::Rest) | (Stage::Settling, Input::Ended { .. }) => {
                (self.at(Stage::Resting), vec![])
            }
            (Stage::Created | Stage::BackingOff | Stage::Resting, Input::Stop)
            | (Stage::Stopping, Input::Ended { .. }) => (self.at(Stage::Stopped), vec![]),
            _ => (self, vec![]),
        }
    }

    const fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    /// Forgets earlier recycles if the incarnation was Ready long enough.
    fn judged(self, since: Duration, now: Duration) -> Self {
        let proved = now.saturating_sub(since) >= PROVED;
        Self { recycles: if proved { 0 } else { self.recycles }, ..self }
    }

    fn backing_off(self) -> (Self, Action) {
        let attempt = self.recycles.saturating_add(1);
        let wait = Action::Wait { attempt, delay: back_off(attempt) };
        (Self { stage: Stage::BackingOff, recycles: attempt }, wait)
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

/// The wait before the recycle number `attempt` in a row, from 1.
fn back_off(attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_BACK_OFF.saturating_mul(factor).min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests;
