//! What log mode has let pass: the list that the missing rules are written from.

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
pub(crate) struct PassedLog(Mutex<Vec<Passed>>);

impl PassedLog {
    pub(super) fn record(&self, role: &str, reason: &DenyReason) {
        let mut seen = lock(&self.0);
        let is_known = seen.iter().any(|passed| passed.role == role && passed.reason == *reason);
        if !is_known && seen.len() < KEPT {
            seen.push(Passed { role: role.to_owned(), reason: reason.clone() });
        }
    }

    pub(super) fn all(&self) -> Vec<Passed> {
        lock(&self.0).clone()
    }
}
