//! What a probe thinks of an instance, as a pure function of its tries.
//!
//! ```text
//! Unproved ──success──► Up ◄──success── Down
//!     │                 │                ▲
//!     └── timeout ──────┴── timeout ─────┘   without success for so long
//! ```
//!
//! Only who is Up gets connections. An instance that has just been started, for the first time or again, is tried every second until
//! its first success, at most for the time-out: nobody likes to wait a whole interval for a service that is there. From then on it
//! is the interval.

use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_service_plan::PlannedProbe;

/// The time between the first tries.
const FIRST_TRIES: Duration = Duration::from_secs(1);

/// A new opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The instance has answered: it gets connections.
    Up,
    /// It has not answered for the time-out: it gets none.
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opinion {
    /// It has had no success yet, and not enough time for one.
    Unproved,
    Up,
    Down,
}

/// What a probe thinks of an instance.
#[derive(Clone, Debug)]
pub struct Health {
    interval: Duration,
    timeout: Duration,
    opinion: Opinion,
    began: Instant,
    /// When it was started again, if it has had no success since then.
    renewed: Option<Instant>,
    last_success: Option<Instant>,
}

impl Health {
    /// Of an instance that is about to be tried the first time.
    #[must_use]
    pub fn new(probe: &PlannedProbe, now: Instant) -> Self {
        let (interval, timeout) = (probe.interval, probe.timeout);
        Self { interval, timeout, opinion: Opinion::Unproved, began: now, renewed: None, last_success: None }
    }

    /// Whether the instance is out for good, until it answers again.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.opinion == Opinion::Down
    }

    /// Another incarnation of it is there. The opinion stays until it is tried.
    pub fn renewed(&mut self, now: Instant) {
        self.renewed = Some(now);
    }

    /// A try was answered as it should be.
    pub fn succeeded(&mut self, now: Instant) -> Option<Finding> {
        (self.last_success, self.renewed) = (Some(now), None);
        let before = std::mem::replace(&mut self.opinion, Opinion::Up);
        (before != Opinion::Up).then_some(Finding::Up)
    }

    /// When the instance is Down if it does not answer before; `None` when it is Down already.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let since = self.last_success.unwrap_or(self.began);
        (self.opinion != Opinion::Down).then(|| since + self.timeout)
    }

    /// Time has passed.
    pub fn passed(&mut self, now: Instant) -> Option<Finding> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        self.opinion = Opinion::Down;
        Some(Finding::Down)
    }

    /// When the try comes that follows the one that began at `last`.
    #[must_use]
    pub fn next_try(&self, last: Instant) -> Instant {
        let is_new = self.renewed.is_some_and(|renewed| last < renewed + self.timeout);
        let hurry = self.opinion == Opinion::Unproved || is_new;
        last + if hurry { FIRST_TRIES.min(self.interval) } else { self.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::probe_of;

    #[derive(Clone, Copy, Debug)]
    enum At {
        Success(u64),
        Passed(u64),
    }

    /// What each of these leads to, with an interval of 15 s and a time-out of 31 s.
    fn findings(steps: &[At]) -> Vec<Option<Finding>> {
        let start = Instant::now();
        let mut health = Health::new(&probe_of(r#"protocol="tcp""#), start);
        let step = |at: &At| match at {
            At::Success(seconds) => health.succeeded(start + Duration::from_secs(*seconds)),
            At::Passed(seconds) => health.passed(start + Duration::from_secs(*seconds)),
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn who_answers_is_up_and_who_has_not_answered_for_the_time_out_is_down() {
        use At::{Passed, Success};
        let (up, down) = (Some(Finding::Up), Some(Finding::Down));
        let cases: &[(&[At], &[Option<Finding>])] = &[
            (&[Success(0), Success(15), Success(30)], &[up, None, None]),
            (&[Passed(30), Passed(31), Passed(100)], &[None, down, None]),
            (&[Success(0), Passed(30), Passed(31)], &[up, None, down]),
            (&[Success(0), Success(15), Passed(31), Passed(45), Passed(46)], &[up, None, None, None, down]),
            (&[Success(0), Passed(31), Success(45), Passed(75), Passed(76)], &[up, down, up, None, down]),
            (&[Passed(31), Success(500), Passed(530)], &[down, up, None]),
        ];
        for (steps, expected) in cases {
            assert_eq!(findings(steps), *expected, "{steps:?}");
        }
    }

    #[test]
    fn a_new_instance_is_tried_every_second_until_it_answers_or_is_down() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let new = Health::new(&probe_of(r#"protocol="tcp" intervalInSeconds="5""#), start);
        assert_eq!(new.next_try(after(3)), after(4));

        let mut answered = new.clone();
        answered.succeeded(after(3));
        assert_eq!((answered.next_try(after(3)), answered.deadline()), (after(8), Some(after(34))));

        let mut silent = new;
        silent.passed(after(31));
        assert_eq!((silent.next_try(after(31)), silent.deadline()), (after(36), None));
        assert!(silent.is_down());

        let mut lost = answered;
        lost.passed(after(34));
        assert_eq!(lost.next_try(after(33)), after(38), "it has had its success");
    }
}
