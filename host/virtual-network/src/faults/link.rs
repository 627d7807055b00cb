//! What passes from one instance to another, under the faults that hold: when it arrives, if it does. Pure, but for
//! the generator that it carries along.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Chance, Conditions};
use super::{FAR_AWAY, REORDERED_BY};

/// A small generator (splitmix64): the same seed gives the same faults.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64, from: Ipv4Addr, to: Ipv4Addr) -> Self {
        let pair = u64::from(from.to_bits()) << 32 | u64::from(to.to_bits());
        let mut random = Self(seed ^ pair.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Neighbouring addresses begin far apart.
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn happens(&mut self, chance: Chance) -> bool {
        chance != Chance::default() && self.next() % 1_000_000 < chance.per_million_times()
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        let nanoseconds = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        let values = nanoseconds.saturating_add(1);
        if nanoseconds == 0 { Duration::ZERO } else { Duration::from_nanos(self.next() % values) }
    }
}

/// When something arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Not before the faults change.
    Held,
    /// At this time; it may have passed.
    At(Instant),
}

/// What a connect meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectPassage {
    Refused,
    Travels(Passage),
}

/// One direction between two instances.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conditions: Conditions,
    /// The generation of the faults that the conditions come from.
    pub(super) generation: u64,
    random: Random,
    /// Until when what was sent before takes the bandwidth.
    busy_until: Option<Instant>,
}

impl Link {
    pub(super) fn new(seed: u64, from: Ipv4Addr, to: Ipv4Addr) -> Self {
        Self {
            conditions: Conditions::default(),
            generation: 0,
            random: Random::new(seed, from, to),
            busy_until: None,
        }
    }

    /// Bytes of a connection, or its end.
    pub(super) fn stream(&mut self, bytes: usize, now: Instant) -> Passage {
        if self.conditions.cut {
            return Passage::Held;
        }
        Passage::At(later(self.departure(bytes, now), self.delay()))
    }

    /// Whether a write resets its connection.
    pub(super) fn resets(&mut self) -> bool {
        self.random.happens(self.conditions.reset)
    }

    /// A datagram: when it arrives, and when it does so again.
    pub(super) fn datagram(&mut self, bytes: usize, now: Instant) -> [Option<Instant>; 2] {
        let conditions = self.conditions;
        if conditions.cut || self.random.happens(conditions.lose) {
            return [None, None];
        }
        let departure = self.departure(bytes, now);
        let one = self.datagram_arrival(departure);
        let again = self.random.happens(conditions.duplicate).then(|| self.datagram_arrival(departure));
        [Some(one), again]
    }

    fn datagram_arrival(&mut self, departure: Instant) -> Instant {
        let arrival = later(departure, self.delay());
        if self.random.happens(self.conditions.reorder) { later(arrival, REORDERED_BY) } else { arrival }
    }

    /// A delay of this direction.
    pub(super) fn delay(&mut self) -> Duration {
        self.conditions.fixed.saturating_add(self.random.up_to(self.conditions.jitter))
    }

    /// When the last of `bytes` leaves, if they are sent now.
    fn departure(&mut self, bytes: usize, now: Instant) -> Instant {
        let Some(bandwidth) = self.conditions.bandwidth else { return now };
        let start = self.busy_until.map_or(now, |busy_until| busy_until.max(now));
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let nanoseconds = u128::from(bytes).saturating_mul(1_000_000_000) / u128::from(bandwidth.get());
        let taken = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let end = later(start, taken);
        self.busy_until = Some(end);
        end
    }

    /// Whether forgetting it now changes nothing but the draws to come.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.busy_until.is_none_or(|until| until <= now)
    }
}

fn later(instant: Instant, by: Duration) -> Instant {
    instant.checked_add(by.min(FAR_AWAY)).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn link(conditions: Conditions) -> Link {
        link_with_seed(conditions, 7)
    }

    fn link_with_seed(conditions: Conditions, seed: u64) -> Link {
        let mut link = Link::new(seed, [10, 0, 0, 4].into(), [10, 0, 0, 5].into());
        link.conditions = conditions;
        link
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn bandwidth_is_taken_by_what_was_sent_before() {
        let now = Instant::now();
        let mut link = link(Conditions { bandwidth: NonZeroU64::new(1000), ..Conditions::default() });
        assert_eq!(link.stream(500, now), Passage::At(now + 500 * MS));
        assert_eq!(link.datagram(100, now), [Some(now + 600 * MS), None]);
        assert_eq!(link.stream(100, now + 2000 * MS), Passage::At(now + 2100 * MS));
    }

    #[test]
    fn a_delay_lies_between_its_bounds_and_uses_them() {
        let now = Instant::now();
        let mut link = link(Conditions { fixed: 10 * MS, jitter: 5 * MS, ..Conditions::default() });
        let delays: Vec<Duration> = (0..1000).map(|_| link.delay()).collect();
        assert!(delays.iter().all(|d| (10 * MS..=15 * MS).contains(d)));
        assert!(delays.iter().any(|d| *d < 11 * MS) && delays.iter().any(|d| *d > 14 * MS));
        assert!(matches!(link.stream(1, now), Passage::At(at) if at >= now + 10 * MS));
    }

    #[test]
    fn chances_come_as_often_as_they_say_and_the_same_for_a_seed() {
        let conditions =
            Conditions { lose: Chance::percent(20), duplicate: Chance::percent(10), ..Conditions::default() };
        let now = Instant::now();
        let run = |seed| {
            let mut link = link_with_seed(conditions, seed);
            (0..10_000).map(|_| link.datagram(1, now).into_iter().flatten().count()).collect::<Vec<_>>()
        };
        let arrivals = run(7);
        let times = |number| arrivals.iter().filter(|n| **n == number).count();
        assert!((1_850..2_150).contains(&times(0)), "{}", times(0));
        assert!((700..900).contains(&times(2)), "{}", times(2));
        assert_eq!(arrivals, run(7));
        assert_ne!(arrivals, run(8));
    }

    #[test]
    fn an_absurd_delay_does_not_overflow() {
        let now = Instant::now();
        let mut link = link(Conditions {
            fixed: Duration::MAX,
            jitter: Duration::MAX,
            bandwidth: NonZeroU64::new(1),
            ..Conditions::default()
        });
        assert!(matches!(link.stream(usize::MAX, now), Passage::At(at) if at > now));
    }
}
