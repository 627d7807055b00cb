//! Counts things that happen too often to tell of each.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A count that is told at once when it begins, and from then on not more often than every so often.
#[derive(Debug)]
pub(crate) struct Tally {
    every: Duration,
    untold: u64,
    told_at: Option<Instant>,
}

impl Tally {
    pub(crate) const fn every(every: Duration) -> Self {
        Self { every, untold: 0, told_at: None }
    }

    /// Counts one more.
    pub(crate) fn count(&mut self) {
        self.add(1);
    }

    pub(crate) fn add(&mut self, more: u64) {
        self.untold = self.untold.saturating_add(more);
    }

    /// When there is something to tell: the time for that.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let at = |told_at: Option<Instant>| told_at.map_or_else(Instant::now, |told_at| told_at + self.every);
        (self.untold > 0).then(|| at(self.told_at))
    }

    /// The number to tell, when there is one and it is time.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let recent = self.told_at.is_some_and(|told_at| now.duration_since(told_at) < self.every);
        if self.untold == 0 || recent {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Waits until it is time to tell of one of these; for ever when there is nothing to tell.
pub(crate) async fn due<'a>(tallies: impl IntoIterator<Item = &'a Tally>) {
    match tallies.into_iter().filter_map(Tally::due_at).min() {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_further_ones_together_every_so_often() {
        let (mut tally, start) = (Tally::every(Duration::from_secs(5)), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let told: Vec<_> = [0, 1, 4, 5, 6, 20]
            .map(|seconds| {
                tally.count();
                tally.take_due(after(seconds))
            })
            .into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
        assert_eq!(tally.take_due(after(99)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_due_when_the_time_has_come_and_there_is_something() {
        let mut tally = Tally::every(Duration::from_secs(5));
        let start = Instant::now();
        let waited = tokio::time::timeout(Duration::from_secs(60), due([&tally])).await;
        assert!(waited.is_err(), "there is nothing to tell");
        tally.count();
        due([&tally]).await;
        assert_eq!(tally.take_due(Instant::now()), Some(1));
        tally.count();
        due([&tally]).await;
        assert_eq!((start.elapsed().as_secs(), tally.take_due(Instant::now())), (65, Some(1)));
    }
}
