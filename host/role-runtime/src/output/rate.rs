//! How much of what a guest writes gets through. Pure: the time is handed in.
//!
//! A bucket fills with a number of bytes per second and holds a burst of some seconds. A line that finds too little in it is dropped,
//! and so is everything after it until there is enough for a second again: a flood is told as whole pieces with
//! one gap between two of them, not as a line here and there with a note beside each.

use std::time::Duration;

/// Seconds of output that can come at once after a silence.
const BURST_SECONDS: u64 = 4;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It gets through.
    Keep,
    /// It gets through, the first one after so many that did not.
    KeepAfter { dropped: u64 },
    /// It does not.
    Drop,
}

#[derive(Debug)]
pub(super) struct Gate {
    bytes_per_second: u64,
    burst: u64,
    /// From here on a flood may go on.
    enough: u64,
    level: u64,
    filled_at: Duration,
    /// Lines of the flood that goes on; 0 without a flood.
    dropped: u64,
}

impl Gate {
    /// `largest` is what a line may cost at most: it gets through a full bucket, however small the rate is.
    pub(super) fn new(bytes_per_second: u64, largest: u64, now: Duration) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        let burst = bytes_per_second.saturating_mul(BURST_SECONDS).max(largest);
        let enough = bytes_per_second.max(largest).min(burst);
        Self { bytes_per_second, burst, enough, level: burst, filled_at: now, dropped: 0 }
    }

    /// Judges a line that costs so many bytes.
    pub(super) fn judge(&mut self, cost: u64, now: Duration) -> Verdict {
        let dropped = self.flood_over(now);
        match self.level.checked_sub(cost) {
            Some(rest) if self.dropped == 0 => {
                self.level = rest;
                dropped.map_or(Verdict::Keep, |dropped| Verdict::KeepAfter { dropped })
            }
            _ => {
                self.dropped = self.dropped.saturating_add(dropped.unwrap_or(0)).saturating_add(1);
                Verdict::Drop
            }
        }
    }

    /// Whether lines are being dropped.
    pub(super) const fn floods(&self) -> bool {
        self.dropped > 0
    }

    /// How many lines were dropped, if that is over now. Told once.
    pub(super) fn flood_over(&mut self, now: Duration) -> Option<u64> {
        self.fill(now);
        if self.level < self.enough { None } else { self.end() }
    }

    /// How many lines were dropped, since there will be no more. Told once.
    pub(super) fn end(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.dropped)).filter(|dropped| *dropped > 0)
    }

    /// How long until a flood is over.
    pub(super) fn remaining(&self, now: Duration) -> Duration {
        let missing = u128::from(self.enough.saturating_sub(self.level));
        let nanos = missing.saturating_mul(1_000_000_000).div_ceil(u128::from(self.bytes_per_second));
        let over =
            self.filled_at.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
        over.saturating_sub(now)
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at);
        let bytes = passed.as_nanos().saturating_mul(self.bytes_per_second.into()) / 1_000_000_000;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > 0 {
            // What is less than a byte is lost, unless nothing is added.
            self.level = self.level.saturating_add(bytes).min(self.burst);
            self.filled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Drop, Keep, KeepAfter};

    const RATE: u64 = 1_000;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn gate() -> Gate {
        Gate::new(RATE, 100, at(0))
    }

    #[test]
    fn a_burst_gets_through_and_then_as_much_as_the_rate() {
        let mut gate = gate();
        for line in 0..40 {
            assert_eq!(gate.judge(100, at(0)), Keep, "line {line}");
        }
        // Each next line at the moment when there is enough for it.
        for line in 1..50 {
            assert_eq!(gate.judge(100, at(line * 100)), Keep, "line {line}");
        }
    }

    /// Time, cost of the line, and what becomes of it: after a burst of everything that there is.
    #[test]
    fn a_flood_is_dropped_until_there_is_enough_for_a_second() {
        let mut gate = gate();
        assert_eq!(gate.judge(4_000, at(0)), Keep);
        let cases = [
            (0, 1, Drop),
            (500, 100, Drop),
            (999, 100, Drop),
            (1_000, 100, KeepAfter { dropped: 3 }),
            (1_000, 900, Keep),
            (1_000, 1, Drop),
            (2_000, 1, KeepAfter { dropped: 1 }),
            (60_000, 4_000, Keep),
            (60_000, 1, Drop),
        ];
        for (time, cost, verdict) in cases {
            assert_eq!(gate.judge(cost, at(time)), verdict, "at {time}");
        }
    }

    #[test]
    fn the_end_of_a_flood_is_told_once_although_nothing_is_written_any_more() {
        let mut gate = gate();
        assert_eq!(gate.judge(4_000, at(0)), Keep);
        assert_eq!(gate.judge(300, at(250)), Drop);
        assert!(gate.floods());
        assert_eq!(gate.remaining(at(250)), at(750));
        assert_eq!(gate.flood_over(at(999)), None);
        assert_eq!(gate.flood_over(at(1_000)), Some(1));
        assert_eq!(gate.flood_over(at(9_000)), None);
        assert_eq!(gate.end(), None);
    }

    #[test]
    fn a_long_line_gets_through_a_small_rate_some_day() {
        let mut gate = Gate::new(1, 16_384, at(0));
        assert_eq!(gate.judge(16_384, at(0)), Keep);
        assert_eq!(gate.judge(16_384, at(1_000)), Drop);
        assert_eq!(gate.judge(16_384, at(16_384_000)), KeepAfter { dropped: 1 });
    }

    #[test]
    fn small_steps_of_time_are_not_lost() {
        let mut gate = Gate::new(10, 10, at(0));
        assert_eq!(gate.judge(40, at(0)), Keep);
        for step in 1..1_000 {
            gate.flood_over(at(step));
        }
        assert_eq!(gate.judge(9, at(1_000)), Keep);
    }
}
