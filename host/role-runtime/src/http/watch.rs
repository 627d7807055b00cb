//! The watch over a store that answers nobody.
//!
//! A handler that never yields keeps the store to itself: nothing else in it goes on, no other request and no `run`. The web
//! server answers 504 meanwhile, but only another incarnation can answer anything else. So the instance is recycled when all of
//! this holds for as long as a response may take: requests were with the guest, none of them was answered, and
//! the store had work all the time. A guest that waits for something, however long, is none of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::pace::Pacer;

/// What has become of the requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    asked: AtomicU64,
    answered: AtomicU64,
    given_up: AtomicU64,
}

/// A request that is with the guest. Dropped without an answer, it counts as given up.
pub(super) struct Asked<'a> {
    tally: &'a Tally,
    answered: bool,
}

impl Tally {
    pub(super) fn ask(&self) -> Asked<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Asked { tally: self, answered: false }
    }

    fn now(&self) -> Seen {
        let [asked, answered, given_up] =
            [&self.asked, &self.answered, &self.given_up].map(|count| count.load(Ordering::Relaxed));
        Seen { asked, answered, given_up }
    }
}

impl Asked<'_> {
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let count = if self.answered { &self.tally.answered } else { &self.tally.given_up };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    asked: u64,
    answered: u64,
    given_up: u64,
}

impl Seen {
    const fn waits(self) -> bool {
        self.asked > self.answered.saturating_add(self.given_up)
    }

    /// Whether somebody waited at `before` already, and nobody has got an answer since.
    const fn in_vain_since(self, before: Self) -> bool {
        before.waits() && self.answered == before.answered
    }
}

/// Waits until the store has answered nobody for `time`, although it was asked and had work all the time.
pub(super) async fn answers_nobody(tally: Arc<Tally>, pacer: Pacer, time: Duration) {
    loop {
        let (before, rests) = (tally.now(), pacer.rests());
        sleep(time).await;
        if pacer.is_busy() && pacer.rests() == rests && tally.now().in_vain_since(before) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seen(asked: u64, answered: u64, given_up: u64) -> Seen {
        Seen { asked, answered, given_up }
    }

    #[test]
    fn requests_wait_in_vain_when_somebody_waited_already_and_nobody_was_answered_since() {
        let before = seen(5, 3, 1);
        for (now, in_vain) in [
            (seen(5, 3, 1), true),
            (seen(5, 3, 2), true),
            (seen(9, 3, 6), true),
            (seen(5, 4, 1), false),
            (seen(9, 8, 1), false),
        ] {
            assert_eq!(now.in_vain_since(before), in_vain, "{now:?}");
        }
        for now in [seen(4, 3, 1), seen(5, 3, 1)] {
            assert!(!now.in_vain_since(seen(4, 3, 1)), "nobody waited then");
        }
    }

    #[test]
    fn what_is_dropped_without_an_answer_is_given_up() {
        let tally = Tally::default();
        tally.ask().answered();
        drop(tally.ask());
        let _waits = tally.ask();
        assert_eq!(tally.now(), seen(3, 1, 1));
    }
}
