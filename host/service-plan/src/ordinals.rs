//! Which numbers the instances of a role have.
//!
//! A role that gets smaller loses its highest numbers, one that grows gets the lowest that nobody has (facts: section 7.8). An
//! instance can also be named to go; then the numbers have a gap, until the role grows again. Whoever goes is still there while the
//! change is made, so nobody who comes with the same change has its number.

use std::collections::BTreeSet;

/// The numbers of a role's `count` instances, ascending. `running` has those that it has now, `removed` those of them that shall
/// go whatever the count is.
pub(crate) fn ordinals(count: u32, running: &BTreeSet<u32>, removed: &BTreeSet<u32>) -> BTreeSet<u32> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut chosen: BTreeSet<u32> = running.difference(removed).copied().take(count).collect();
    let missing = count.saturating_sub(chosen.len());
    chosen.extend((0..=u32::MAX).filter(|ordinal| !running.contains(ordinal)).take(missing));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_loses_the_named_and_the_highest_and_gets_the_lowest_that_are_free() {
        /// The count, who runs, who is named to go, who runs then.
        type Case = (u32, &'static [u32], &'static [u32], &'static [u32]);
        let cases: &[Case] = &[
            (3, &[], &[], &[0, 1, 2]),
            (0, &[0, 1], &[], &[]),
            (3, &[0], &[], &[0, 1, 2]),
            (1, &[0, 1, 2], &[], &[0]),
            // one is named
            (2, &[0, 1, 2], &[0], &[1, 2]),
            (2, &[0, 1, 2], &[2], &[0, 1]),
            (1, &[0, 1, 2], &[0], &[1]),
            // and another one shall come in its place
            (3, &[0, 1, 2], &[0], &[1, 2, 3]),
            (1, &[0], &[0], &[1]),
            // with a gap
            (3, &[1, 2], &[], &[0, 1, 2]),
            (4, &[1, 4], &[], &[0, 1, 2, 4]),
            (1, &[1, 4], &[], &[1]),
            // who is named and not there does not count
            (2, &[0, 1], &[7], &[0, 1]),
        ];
        for (count, running, removed, expected) in cases {
            let set = |ordinals: &[u32]| ordinals.iter().copied().collect::<BTreeSet<u32>>();
            assert_eq!(
                ordinals(*count, &set(running), &set(removed)),
                set(expected),
                "{count} of {running:?} without {removed:?}"
            );
        }
    }
}
