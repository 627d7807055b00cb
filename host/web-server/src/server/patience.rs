//! How long a client was waited for. Pure: the time is handed in.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::Slowest;

/// The time that was spent waiting for a client, and the bytes that came of it.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl Patience {
    /// From now on it is the client's turn. Nothing changes if it was already.
    pub(super) fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// The client has done its part, of so many bytes.
    pub(super) fn went_on(&mut self, bytes: u64, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(now.saturating_duration_since(since));
        }
    }

    /// Whether it is the client's turn.
    pub(super) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Forgets what was. When it is the client's turn, it still is, and the wait runs from now.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        *self = Self { since: self.since.map(|_| now), ..Self::default() };
    }

    /// Whether it is the client's turn, and it is too slow.
    pub(super) fn is_over(&self, slowest: Slowest, now: Instant) -> bool {
        let Some(since) = self.since else { return false };
        let waiting = now.saturating_duration_since(since);
        slowest.exceeded_by(self.bytes, self.waited.saturating_add(waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOWEST: Slowest = Slowest { bytes_per_second: 100, grace: Duration::from_secs(10) };

    #[tokio::test(start_paused = true)]
    async fn only_the_time_counts_in_which_it_is_the_clients_turn() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut patience = Patience::default();
        assert!(!patience.is_over(SLOWEST, at(1_000)), "nobody waits for it");
        patience.wait(at(1_000));
        patience.wait(at(1_005));
        assert!(!patience.is_over(SLOWEST, at(1_010)));
        assert!(patience.is_over(SLOWEST, at(1_011)), "the wait runs from its start");
        patience.went_on(2_000, at(1_011));
        assert!(!patience.is_over(SLOWEST, at(9_000)));
        patience.wait(at(9_000));
        assert!(!patience.is_over(SLOWEST, at(9_009)), "2,000 bytes in 20 s");
        assert!(patience.is_over(SLOWEST, at(9_010)));
        patience.begin_anew(at(9_010));
        assert!(patience.is_waiting() && !patience.is_over(SLOWEST, at(9_020)));
        assert!(patience.is_over(SLOWEST, at(9_021)), "nothing of the old bytes counts");
    }
}
