//! Denials: counted always, reported once.
//!
//! A denial is reported once for each subject, kind of operation and target, so that a guest in a retry loop
//! makes one line. What was reported is remembered, so the memory must be bounded against a guest that scans:
//! after [`REPORTS_PER_SUBJECT`] different denials of one instance the rest is only counted, and the observer
//! hears once that it is so. A new policy starts afresh, since its answers are new.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::outside::HostSocketRefusal;
use crate::policy::{DenyReason, Operation};
use crate::sync::lock;

/// Different denials of one instance that are reported.
pub(crate) const REPORTS_PER_SUBJECT: usize = 64;

/// Bytes of a looked-up name that are kept. DNS allows 253.
const LONGEST_NAME: usize = 253;

/// Hears of denials and of limits that are reached, to tell people. It is called in the task of the guest that was denied, so it must not
/// block.
pub trait Observer: Send + Sync + 'static {
    /// An operation was denied; once for each subject, kind of operation and target.
    fn denied(&self, denial: &Denial);

    /// The instance was denied so many different things that from now on they are only counted.
    fn silenced(&self, _subject_id: &str) {}

    /// The instance, or who is beside it, was refused a socket, because it has as many as it may: `limit`. Once for each interface.
    fn out_of_sockets(&self, _subject_id: &str, _limit: usize) {}

    /// The instance, or who is beside it, was refused a socket of the host, to the world outside. Once for each interface.
    fn out_of_host_sockets(&self, _subject_id: &str, _refusal: HostSocketRefusal) {}
}

/// One denied operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The id of the instance that asked. The policy that denied it may not have it any more.
    pub subject_id: String,
    /// What it asked for.
    pub operation: DeniedOperation,
    /// The address with port or the name. A name is the guest's text, with everything escaped that is not
    /// printable ASCII.
    pub target: String,
    /// Why it was denied.
    pub reason: DenyReason,
    /// Whether it failed. When the policy is only [logged](crate::PolicyMode::Log), it passed all the same.
    pub is_enforced: bool,
}

/// What was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeniedOperation {
    /// An operation on a socket.
    Socket(Operation),
    /// A name look-up.
    NameLookUp,
}

impl fmt::Display for DeniedOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket(Operation::Bind(_)) => "bind",
            Self::Socket(Operation::Listen) => "listen",
            Self::Socket(Operation::Connect) => "connect",
            Self::Socket(Operation::Send) => "send",
            Self::NameLookUp => "name look-up",
        })
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Address(Operation, SocketAddr),
    Name(Box<str>),
}

impl Target {
    /// A name as the guest gave it, printable and cut to a sensible length.
    pub(crate) fn name(name: &str) -> Self {
        let kept: String = name.chars().flat_map(char::escape_default).take(LONGEST_NAME).collect();
        Self::Name(kept.into())
    }

    fn operation(&self) -> DeniedOperation {
        match self {
            Self::Address(operation, _) => DeniedOperation::Socket(*operation),
            Self::Name(_) => DeniedOperation::NameLookUp,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(_, address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct DenialLog {
    count: AtomicU64,
    /// By the id of the instance: its number may be another one's in the next policy.
    reported: Mutex<BTreeMap<Box<str>, BTreeSet<Target>>>,
}

/// What the observer should hear.
#[derive(Debug, PartialEq, Eq)]
enum News {
    None,
    Denied,
    DeniedAndSilenced,
}

impl DenialLog {
    /// Counts a denial and reports it when it is news.
    pub(crate) fn record(
        &self,
        observer: &dyn Observer,
        subject: &str,
        target: Target,
        reason: &DenyReason,
        is_enforced: bool,
    ) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let news = self.remember(subject, &target);
        if news != News::None {
            observer.denied(&Denial {
                subject_id: subject.to_owned(),
                operation: target.operation(),
                target: target.to_string(),
                reason: reason.clone(),
                is_enforced,
            });
        }
        if news == News::DeniedAndSilenced {
            observer.silenced(subject);
        }
    }

    fn remember(&self, subject: &str, target: &Target) -> News {
        let mut all = lock(&self.reported);
        if !all.contains_key(subject) {
            all.insert(subject.into(), BTreeSet::new());
        }
        let Some(reported) = all.get_mut(subject) else { return News::None };
        if reported.len() >= REPORTS_PER_SUBJECT || !reported.insert(target.clone()) {
            return News::None;
        }
        if reported.len() == REPORTS_PER_SUBJECT { News::DeniedAndSilenced } else { News::Denied }
    }

    /// Denials so far, reported or not.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Forgets what was reported.
    pub(crate) fn forget(&self) {
        let forgotten = std::mem::take(&mut *lock(&self.reported));
        drop(forgotten);
    }
}
