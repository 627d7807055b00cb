//! What log mode has let pass: the list that the missing rules are written from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::policy::DenyReason;
use crate::sync::lock;

/// What is kept. A definition that lacks more than this lacks everything.
const KEPT: usize = 1024;

/// Something that an instance did, and would not have been allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The role of the instance.
    pub role: String,
    /// Why it would have been denied.
    pub reason: DenyReason,
}

/// Everything that was let pass, once for each role and reason, in the order in which it was first seen.
#[derive(Debug, Default)]
pub(crate) struct PassedLog(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    in_order: Vec<Passed>,
    /// The same to find, since every operation that is let pass asks for it.
    by_role: BTreeMap<Box<str>, BTreeSet<DenyReason>>,
}

impl PassedLog {
    pub(super) fn record(&self, role: &str, reason: &DenyReason) {
        let mut seen = lock(&self.0);
        let is_known = seen.by_role.get(role).is_some_and(|reasons| reasons.contains(reason));
        if !is_known && seen.in_order.len() < KEPT {
            seen.in_order.push(Passed { role: role.to_owned(), reason: reason.clone() });
            seen.by_role.entry(role.into()).or_default().insert(reason.clone());
        }
    }

    pub(super) fn all(&self) -> Vec<Passed> {
        lock(&self.0).in_order.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Transport;

    fn undeclared(port: u16) -> DenyReason {
        DenyReason::UndeclaredPort { role: "W".into(), transport: Transport::Tcp, port }
    }

    #[test]
    fn each_reason_of_a_role_is_kept_once_in_its_order_and_so_many_of_them() {
        let log = PassedLog::default();
        for port in [9, 7, 9, 7, 8] {
            log.record("W", &undeclared(port));
        }
        log.record("V", &undeclared(9));
        let all = log.all();
        let kept: Vec<(&str, &DenyReason)> =
            all.iter().map(|passed| (&*passed.role, &passed.reason)).collect();
        let expected = [9, 7, 8].map(undeclared);
        assert_eq!(kept[..3], expected.each_ref().map(|reason| ("W", reason)));
        assert_eq!(kept[3..], [("V", &expected[0])]);
        (0..5000).for_each(|port| log.record("W", &undeclared(port)));
        assert_eq!(log.all().len(), KEPT);
    }

    #[test]
    fn what_is_known_already_is_found_without_going_through_all_of_it() {
        let log = PassedLog::default();
        (0..1024).for_each(|port| log.record("W", &undeclared(port)));
        let seen = lock(&log.0);
        assert_eq!(seen.by_role.get("W").map(BTreeSet::len), Some(KEPT));
    }
}
