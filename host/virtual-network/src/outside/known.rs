//! What the look-ups of one instance have said.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::{KNOWN_ADDRESSES, RENEWED_FOR, TIMES_TO_LIVE};
use crate::policy::{HostName, HostPattern};

/// Names by the addresses that they stand for, until their time is over.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    /// By address, then name.
    until: BTreeMap<(IpAddr, HostName), Held>,
}

/// How long an answer is held for true.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// When a look-up said so last.
    learnt: Instant,
    until: Instant,
    time_to_live: Duration,
}

impl KnownNames {
    /// `name` stands for `addresses`, which were found to be trustworthy.
    pub(crate) fn learn(
        &mut self,
        name: &HostName,
        addresses: &[IpAddr],
        time_to_live: Duration,
        now: Instant,
    ) {
        let time_to_live = time_to_live.clamp(*TIMES_TO_LIVE.start(), *TIMES_TO_LIVE.end());
        for address in addresses {
            let known = (*address, name.clone());
            if !self.until.contains_key(&known) {
                self.make_room(now);
            }
            let held = self.until.entry(known).or_insert(Held { learnt: now, until: now, time_to_live });
            // An answer never shortens what an earlier one has promised.
            held.until = held.until.max(now + time_to_live);
            held.learnt = now;
            held.time_to_live = time_to_live;
        }
    }

    /// A conversation with `address` goes on, which one of `names` admits: those of them that hold now hold from now on for
    /// their time, but not longer than [`RENEWED_FOR`] without another look-up.
    pub(crate) fn renew(&mut self, address: IpAddr, names: &HostPattern, now: Instant) {
        let from = self.until.range_mut((address, HostName::first())..);
        let of_address = from.take_while(|((known, _), _)| *known == address);
        let renewed = of_address.filter(|((_, name), held)| held.until > now && names.admits(name));
        for (_, held) in renewed {
            held.until = held.until.max((now + held.time_to_live).min(held.learnt + RENEWED_FOR));
        }
    }

    /// The names that stand for `address` now.
    pub(crate) fn names_of(&self, address: IpAddr, now: Instant) -> Vec<HostName> {
        let from = self.until.range((address, HostName::first())..);
        let of_address = from.take_while(|((known, _), _)| *known == address);
        of_address.filter(|(_, held)| held.until > now).map(|((_, name), _)| name.clone()).collect()
    }

    fn make_room(&mut self, now: Instant) {
        if self.until.len() < KNOWN_ADDRESSES {
            return;
        }
        self.until.retain(|_, held| held.until > now);
        if self.until.len() >= KNOWN_ADDRESSES {
            let first = self.until.iter().min_by_key(|(_, held)| held.until).map(|(known, _)| known.clone());
            first.map(|known| self.until.remove(&known));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn name(text: &str) -> HostName {
        HostName::new(text).unwrap()
    }

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

    #[test]
    fn an_answer_holds_for_its_time_within_bounds() {
        let now = Instant::now();
        for (time_to_live, holds) in [(0, 30), (60, 60), (1_000_000, 3600)] {
            let mut known = KnownNames::default();
            known.learn(&name("example.com"), &[ADDRESS], Duration::from_secs(time_to_live), now);
            let at = |seconds| known.names_of(ADDRESS, now + Duration::from_secs(seconds));
            assert_eq!(at(holds - 1), [name("example.com")], "{time_to_live}");
            assert_eq!(at(holds), [], "{time_to_live}");
        }
    }

    #[test]
    fn an_answer_that_is_used_holds_on_and_one_that_is_over_stays_over() {
        let now = Instant::now();
        let mut known = KnownNames::default();
        known.learn(&name("example.com"), &[ADDRESS], Duration::from_secs(60), now);
        let at = |seconds| now + Duration::from_secs(seconds);
        for seconds in [59, 118, 177] {
            known.renew(ADDRESS, &HostPattern::Any, at(seconds));
            assert_eq!(known.names_of(ADDRESS, at(seconds + 59)), [name("example.com")], "{seconds}");
        }
        known.renew(Ipv4Addr::new(93, 184, 216, 35).into(), &HostPattern::Any, at(230));
        assert_eq!(known.names_of(ADDRESS, at(237)), []);
        known.renew(ADDRESS, &HostPattern::Any, at(238));
        assert_eq!(known.names_of(ADDRESS, at(239)), []);
    }

    #[test]
    fn only_names_that_the_rule_has_hold_on() {
        let now = Instant::now();
        let mut known = KnownNames::default();
        for other in ["a.example", "b.example"] {
            known.learn(&name(other), &[ADDRESS], Duration::from_secs(60), now);
        }
        known.renew(ADDRESS, &HostPattern::new("a.example").unwrap(), now + Duration::from_secs(59));
        assert_eq!(known.names_of(ADDRESS, now + Duration::from_secs(61)), [name("a.example")]);
    }

    #[test]
    fn an_answer_holds_on_for_a_day_until_the_name_is_looked_up_again() {
        let now = Instant::now();
        let mut known = KnownNames::default();
        let talk = |known: &mut KnownNames, from: Instant| {
            let mut at = from;
            while !known.names_of(ADDRESS, at).is_empty() {
                known.renew(ADDRESS, &HostPattern::Any, at);
                at += Duration::from_secs(30);
            }
            at
        };
        known.learn(&name("example.com"), &[ADDRESS], Duration::from_secs(60), now);
        let day = now + RENEWED_FOR;
        assert_eq!(talk(&mut known, now), day);
        known.learn(&name("example.com"), &[ADDRESS], Duration::from_secs(60), day);
        assert_eq!(talk(&mut known, day), day + RENEWED_FOR);
        // Not shortened either: what the answer itself promises holds.
        let late = day + RENEWED_FOR + Duration::from_secs(60);
        known.learn(&name("example.com"), &[ADDRESS], Duration::from_secs(60), late);
        known.renew(ADDRESS, &HostPattern::Any, late);
        assert_eq!(known.names_of(ADDRESS, late + Duration::from_secs(59)), [name("example.com")]);
    }

    #[test]
    fn an_address_can_have_several_names_and_a_later_answer_shortens_nothing() {
        let now = Instant::now();
        let mut known = KnownNames::default();
        known.learn(&name("a.example"), &[ADDRESS], Duration::from_secs(600), now);
        known.learn(&name("b.example"), &[ADDRESS], Duration::from_secs(60), now);
        known.learn(&name("a.example"), &[ADDRESS], Duration::from_secs(60), now);
        assert_eq!(known.names_of(ADDRESS, now), [name("a.example"), name("b.example")]);
        assert_eq!(known.names_of(ADDRESS, now + Duration::from_secs(61)), [name("a.example")]);
        assert_eq!(known.names_of(Ipv4Addr::new(93, 184, 216, 35).into(), now), []);
    }

    #[test]
    fn a_flood_of_answers_pushes_the_oldest_out_and_needs_no_more_room() {
        let now = Instant::now();
        let mut known = KnownNames::default();
        known.learn(&name("first.example"), &[ADDRESS], Duration::from_secs(60), now);
        for n in 0..5000u32 {
            let address = Ipv4Addr::from_bits(0x5000_0000 + n).into();
            known.learn(&name("flood.example"), &[address], Duration::from_secs(600), now);
        }
        assert_eq!(known.until.len(), KNOWN_ADDRESSES);
        assert_eq!(known.names_of(ADDRESS, now), []);
    }
}
