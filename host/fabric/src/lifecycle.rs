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
    /// It shall start.
    Start,
    /// Its incarnation is Ready.
    Ready {
        /// When.
        at: Duration,
    },
    /// Its incarnation was asked whether it can take traffic.
    Checked(Readiness),
    /// It shall have what is new from its next incarnation on, and that one at once: it refused a change, or has other
    /// certificates.
    Renew {
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
    /// It shall stop.
    Stop,
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
            Stage::Stopping => Status::Stopping,
            Stage::Stopped => Status::Stopped,
        }
    }

    /// The state after `input` and what to do about it. An input that has no meaning in this state changes nothing.
    #[must_use]
    pub fn step(self, input: Input) -> (Self, Vec<Action>) {
        use Action::{EnterRotation, Launch, LeaveRotation, RecycleIncarnation, StopIncarnation};
        match (self.stage, input) {
            (Stage::Created, Input::Start)
            | (Stage::BackingOff, Input::BackOffOver)
            | (Stage::Renewing, Input::Ended { .. }) => (self.at(Stage::Starting), vec![Launch]),
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
            (Stage::Starting | Stage::Leaving | Stage::Renewing, Input::Stop) => {
                (self.at(Stage::Stopping), vec![StopIncarnation])
            }
            (Stage::Created | Stage::BackingOff, Input::Stop) | (Stage::Stopping, Input::Ended { .. }) => {
                (self.at(Stage::Stopped), vec![])
            }
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
mod tests {
    use super::*;
    use Action::{EnterRotation, Launch, LeaveRotation, RecycleIncarnation, StopIncarnation};

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn wait(attempt: u32, seconds: u64) -> Action {
        Action::Wait { attempt, delay: secs(seconds) }
    }

    /// Goes through the inputs and gives what each of them led to.
    fn live(inputs: &[Input]) -> Vec<(Status, Vec<Action>)> {
        let mut life = Lifecycle::new();
        let step = |input: &Input| {
            let (next, actions) = life.step(*input);
            life = next;
            (next.status(), actions)
        };
        inputs.iter().map(step).collect()
    }

    const START: Input = Input::Start;
    const STOP: Input = Input::Stop;
    const OVER: Input = Input::BackOffOver;

    const fn ready(at: u64) -> Input {
        Input::Ready { at: secs(at) }
    }

    const fn leaving(at: u64) -> Input {
        Input::Leaving { at: secs(at) }
    }

    const fn ended(at: u64) -> Input {
        Input::Ended { at: secs(at) }
    }

    #[test]
    fn a_long_life_goes_from_created_to_stopped() {
        let expected = vec![
            (Status::Starting, vec![Launch]),
            (Status::Ready, vec![EnterRotation]),
            (Status::Stopping, vec![LeaveRotation, StopIncarnation]),
            (Status::Stopped, vec![]),
        ];
        assert_eq!(live(&[START, ready(1), STOP, ended(2)]), expected);
    }

    const BUSY: Input = Input::Checked(Readiness::Busy);
    const CAN: Input = Input::Checked(Readiness::Ready);

    const fn renew(at: u64) -> Input {
        Input::Renew { at: secs(at) }
    }

    #[test]
    fn a_busy_instance_is_out_of_the_rotation_until_a_check_says_that_it_is_ready() {
        let steps = live(&[START, ready(1), CAN, BUSY, BUSY, CAN]);
        let expected = [
            (Status::Ready, vec![]),
            (Status::Busy, vec![LeaveRotation]),
            (Status::Busy, vec![]),
            (Status::Ready, vec![EnterRotation]),
        ];
        assert_eq!(steps[2..], expected);
    }

    #[test]
    fn an_instance_that_refuses_a_change_is_started_again_without_a_wait() {
        for before in [CAN, BUSY] {
            let steps = live(&[START, ready(1), before, renew(2), leaving(3), ended(4)]);
            let expected = [
                (Status::Recycling, vec![LeaveRotation, RecycleIncarnation]),
                (Status::Recycling, vec![]),
                (Status::Starting, vec![Launch]),
            ];
            assert_eq!(steps[3..], expected, "{before:?}");
        }
        // It is no failure, and no proof of health either.
        let next = live(&[START, ended(0), OVER, ready(1), renew(2), ended(3), ended(4)]).pop().unwrap();
        assert_eq!(next.1, [wait(2, 2)]);
    }

    #[test]
    fn an_instance_that_is_still_starting_is_recycled_for_a_change_before_it_takes_traffic() {
        let steps = live(&[START, renew(1), ready(2), leaving(3), ended(4), ready(5)]);
        let expected = [
            (Status::Recycling, vec![RecycleIncarnation]),
            (Status::Recycling, vec![]),
            (Status::Recycling, vec![]),
            (Status::Starting, vec![Launch]),
            (Status::Ready, vec![EnterRotation]),
        ];
        assert_eq!(steps[1..], expected);
    }

    #[test]
    fn every_stage_can_be_stopped() {
        let cases: &[(&[Input], Status, &[Action])] = &[
            (&[STOP], Status::Stopped, &[]),
            (&[START, STOP], Status::Stopping, &[StopIncarnation]),
            (&[START, ready(1), STOP], Status::Stopping, &[LeaveRotation, StopIncarnation]),
            (&[START, ready(1), leaving(2), STOP], Status::Stopping, &[StopIncarnation]),
            (&[START, ready(1), BUSY, STOP], Status::Stopping, &[LeaveRotation, StopIncarnation]),
            (&[START, ready(1), renew(2), STOP], Status::Stopping, &[StopIncarnation]),
            (&[START, renew(1), STOP], Status::Stopping, &[StopIncarnation]),
            (&[START, ended(1), STOP], Status::Stopped, &[]),
            (&[START, STOP, STOP], Status::Stopping, &[]),
        ];
        for (inputs, status, actions) in cases {
            let (last_status, last_actions) = live(inputs).pop().unwrap();
            assert_eq!((last_status, last_actions.as_slice()), (*status, *actions), "{inputs:?}");
        }
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_a_recycle_wherever_it_comes() {
        let cases: &[(&[Input], &[Action])] = &[
            (&[START, ended(1)], &[wait(1, 1)]),
            (&[START, ready(1), ended(2)], &[LeaveRotation, wait(1, 1)]),
            (&[START, ready(1), leaving(2), ended(3)], &[wait(1, 1)]),
            (&[START, leaving(2), ended(3)], &[wait(1, 1)]),
            (&[START, ready(1), BUSY, ended(2)], &[LeaveRotation, wait(1, 1)]),
            (&[START, ready(1), BUSY, leaving(2), ended(3)], &[wait(1, 1)]),
        ];
        for (inputs, actions) in cases {
            let (status, last) = live(inputs).pop().unwrap();
            assert_eq!((status, last.as_slice()), (Status::Recycling, *actions), "{inputs:?}");
        }
    }

    #[test]
    fn an_instance_that_ends_by_itself_leaves_the_rotation_at_once() {
        let (status, actions) = live(&[START, ready(1), leaving(2)]).pop().unwrap();
        assert_eq!((status, actions), (Status::Recycling, vec![LeaveRotation]));
    }

    #[test]
    fn back_off_doubles_up_to_a_minute() {
        let inputs: Vec<Input> =
            std::iter::once(START).chain((0..9).flat_map(|n| [ended(n), OVER])).collect();
        let waits: Vec<Action> = live(&inputs).into_iter().flat_map(|(_, actions)| actions).collect();
        let waits: Vec<Action> = waits.into_iter().filter(|action| *action != Launch).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60];
        let expected: Vec<Action> =
            (1..).zip(seconds).map(|(attempt, seconds)| wait(attempt, seconds)).collect();
        assert_eq!(waits, expected);
        assert_eq!(back_off(u32::MAX), secs(60));
    }

    #[test]
    fn five_minutes_of_ready_reset_the_back_off_and_a_second_less_does_not() {
        let twice_failed = [START, ended(0), OVER, ended(0), OVER];
        let next_wait = |end: &[Input]| {
            let inputs: Vec<Input> = twice_failed.iter().chain(end).copied().collect();
            live(&inputs).pop().unwrap().1.pop().unwrap()
        };
        assert_eq!(next_wait(&[ready(10), ended(10 + 299)]), wait(3, 4));
        assert_eq!(next_wait(&[ready(10), ended(10 + 300)]), wait(1, 1));
        // What counts is the time that it was Ready, not the time that it took to leave.
        assert_eq!(next_wait(&[ready(10), leaving(20), ended(400)]), wait(3, 4));
        assert_eq!(next_wait(&[ready(10), leaving(310), ended(311)]), wait(1, 1));
        assert_eq!(next_wait(&[ready(10), BUSY, ended(310)]), wait(1, 1));
    }

    #[test]
    fn late_inputs_of_an_instance_that_has_stopped_change_nothing() {
        for late in [START, ready(1), leaving(1), ended(1), OVER, STOP, BUSY, CAN, renew(1)] {
            assert_eq!(live(&[STOP, late]).pop().unwrap(), (Status::Stopped, vec![]), "{late:?}");
        }
    }
}
