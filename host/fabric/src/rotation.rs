//! Round robin over those who can take a turn, whoever comes and goes meanwhile.
//!
//! Each target has a fixed place in the circle: the ordinal of its instance. A turn goes to the next occupied place after
//! the last one, so somebody who joins or leaves never changes whose turn it is among the others, and nobody
//! is skipped or served twice in a round. Connections that belong together stay together instead: see
//! [`affinity`](crate::affinity).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::affinity::Affinity;

/// Who can take a turn.
#[derive(Clone, Debug)]
pub struct Rotation<T> {
    places: BTreeMap<u32, T>,
}

/// Whose turn it was last; the state of one balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(Option<u32>);

impl Turn {
    /// The turn after `ordinal` had its own.
    #[must_use]
    pub const fn taken_by(ordinal: u32) -> Self {
        Self(Some(ordinal))
    }
}

impl<T> Rotation<T> {
    /// Nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: BTreeMap::new() }
    }

    /// Takes the place of `ordinal`, in place of whoever had it.
    pub fn enter(&mut self, ordinal: u32, target: T) {
        self.places.insert(ordinal, target);
    }

    /// Gives up the place; says whether there was anybody in it.
    pub fn leave(&mut self, ordinal: u32) -> bool {
        self.places.remove(&ordinal).is_some()
    }

    /// Who has the place of `ordinal`.
    #[must_use]
    pub fn get(&self, ordinal: u32) -> Option<&T> {
        self.places.get(&ordinal)
    }

    /// The places that are taken.
    pub fn ordinals(&self) -> impl Iterator<Item = u32> {
        self.places.keys().copied()
    }

    /// Everybody once, beginning with whom the client is drawn to most.
    pub fn by_affinity(&self, affinity: Affinity) -> impl Iterator<Item = (u32, &T)> {
        let mut order: Vec<(u32, &T)> =
            self.places.iter().map(|(ordinal, target)| (*ordinal, target)).collect();
        order.sort_unstable_by_key(|(ordinal, _)| Reverse((affinity.weight(*ordinal), *ordinal)));
        order.into_iter()
    }

    /// Everybody once, beginning with whose turn it is.
    pub fn from_turn(&self, turn: Turn) -> impl Iterator<Item = (u32, &T)> {
        let (after, up_to) = match turn.0 {
            Some(last) => (Bound::Excluded(last), Bound::Included(last)),
            None => (Bound::Unbounded, Bound::Excluded(0)),
        };
        let later = self.places.range((after, Bound::Unbounded));
        let earlier = self.places.range((Bound::Unbounded, up_to));
        later.chain(earlier).map(|(ordinal, target)| (*ordinal, target))
    }
}

impl<T> Default for Rotation<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use wasm_roles_service_plan::{Distribution, Transport};

    fn of(ordinals: &[u32]) -> Rotation<()> {
        let mut rotation = Rotation::new();
        ordinals.iter().for_each(|ordinal| rotation.enter(*ordinal, ()));
        rotation
    }

    fn take(rotation: &Rotation<()>, turn: &mut Turn) -> Option<u32> {
        let (ordinal, ()) = rotation.from_turn(*turn).next()?;
        *turn = Turn::taken_by(ordinal);
        Some(ordinal)
    }

    #[test]
    fn turns_go_round() {
        let (rotation, mut turn) = (of(&[0, 1, 2]), Turn::default());
        let turns: Vec<_> = (0..7).filter_map(|_| take(&rotation, &mut turn)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn nobody_has_no_turn() {
        assert_eq!(take(&of(&[]), &mut Turn::default()), None);
        assert_eq!(take(&of(&[]), &mut Turn::taken_by(7)), None);
    }

    #[test]
    fn whoever_joins_or_leaves_does_not_change_the_order_of_the_others() {
        let (mut rotation, mut turn) = (of(&[0, 2, 3]), Turn::default());
        assert_eq!(take(&rotation, &mut turn), Some(0));
        rotation.enter(1, ());
        assert_eq!(take(&rotation, &mut turn), Some(1));
        assert!(rotation.leave(1));
        assert!(!rotation.leave(1));
        assert_eq!(take(&rotation, &mut turn), Some(2));
        rotation.leave(3);
        assert_eq!(take(&rotation, &mut turn), Some(0));
    }

    #[test]
    fn each_turn_offers_everybody_once() {
        let cases: &[(&[u32], Turn, &[u32])] = &[
            (&[0, 1, 2], Turn::default(), &[0, 1, 2]),
            (&[0, 1, 2], Turn::taken_by(0), &[1, 2, 0]),
            (&[0, 1, 2], Turn::taken_by(2), &[0, 1, 2]),
            (&[0, 5], Turn::taken_by(3), &[5, 0]),
            (&[4], Turn::taken_by(4), &[4]),
            (&[0, u32::MAX], Turn::taken_by(u32::MAX), &[0, u32::MAX]),
        ];
        for (ordinals, turn, expected) in cases {
            let rotation = of(ordinals);
            let offered: Vec<u32> = rotation.from_turn(*turn).map(|(ordinal, ())| ordinal).collect();
            assert_eq!(offered, *expected, "{ordinals:?} {turn:?}");
        }
    }

    #[test]
    fn affinity_offers_everybody_once_and_keeps_its_order_when_somebody_leaves() {
        let client = "192.0.2.7".parse().unwrap();
        let affinity = Affinity::of(Distribution::SourceIp, Transport::Tcp, client).unwrap();
        let mut rotation = of(&[0, 1, 2, 3]);
        let order = |rotation: &Rotation<()>| -> Vec<u32> {
            rotation.by_affinity(affinity).map(|(ordinal, ())| ordinal).collect()
        };
        let all = order(&rotation);
        assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), [0, 1, 2, 3].into());
        rotation.leave(all[0]);
        assert_eq!(order(&rotation), all[1..]);
        assert_eq!((rotation.get(all[0]), rotation.get(all[1])), (None, Some(&())));
    }
}
