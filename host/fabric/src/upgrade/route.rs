//! Which domain is walked next, and which ones have to be taken back. Pure.

use std::collections::BTreeSet;

/// The way through the upgrade domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    waiting: BTreeSet<u32>,
    /// In the order in which they were entered, the one that is being walked among them.
    entered: Vec<u32>,
    /// The last one entered is not behind its gate yet.
    inside: bool,
}

impl Route {
    /// Through these domains.
    pub(crate) fn through(domains: impl Iterator<Item = u32>) -> Self {
        Self { waiting: domains.collect(), entered: Vec::new(), inside: false }
    }

    /// The domain that is being walked: its gate has not been passed.
    pub(crate) fn unfinished(&self) -> Option<u32> {
        self.entered.last().copied().filter(|_| self.inside)
    }

    /// The lowest one whose turn has not come.
    pub(crate) fn lowest(&self) -> Option<u32> {
        self.waiting.first().copied()
    }

    /// Enters a domain; says whether its turn had not come yet.
    pub(crate) fn enter(&mut self, domain: u32) -> bool {
        let is_next = !self.inside && self.waiting.remove(&domain);
        if is_next {
            self.entered.push(domain);
            self.inside = true;
        }
        is_next
    }

    /// The gate behind the last one entered was passed.
    pub(crate) fn pass(&mut self) {
        self.inside = false;
    }

    /// The domains that were entered, in that order.
    pub(crate) fn entered(&self) -> &[u32] {
        &self.entered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_entered_once_each_and_one_after_the_other() {
        let mut route = Route::through([3, 1, 0, 1].into_iter());
        assert_eq!((route.lowest(), route.unfinished()), (Some(0), None));
        assert!(route.enter(1), "an operator may begin where he likes");
        assert_eq!(route.unfinished(), Some(1));
        assert!(!route.enter(0), "the gate behind 1 is not passed");
        route.pass();
        assert!(!route.enter(1) && !route.enter(2), "it was walked; there is none");
        assert!(route.enter(0));
        route.pass();
        assert_eq!(route.lowest(), Some(3));
        assert!(route.enter(3));
        assert_eq!((route.lowest(), route.entered()), (None, &[1, 0, 3][..]));
    }

    #[test]
    fn a_deployment_without_instances_has_no_way() {
        let route = Route::through(std::iter::empty());
        assert_eq!((route.lowest(), route.unfinished(), route.entered()), (None, None, &[][..]));
    }
}
