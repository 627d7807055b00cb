//! What a deployment orders its supervisors to tell their instances, and what comes of it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use wasm_roles_role_runtime::{Change, EVENT_DEADLINE, EnvironmentView, Outcome, RoleEvent};
use wasm_roles_service_plan::Plan;

use crate::certificates::Provision;
use crate::version::Version;

/// What later incarnations are started with, and what the running one sees from `changed` on.
#[derive(Clone)]
pub(crate) struct Renewal {
    pub(crate) plan: Arc<Plan>,
    pub(crate) environment: Arc<EnvironmentView>,
    /// None: those that it has. The running incarnation has its own in any case.
    pub(crate) provision: Option<Arc<Provision>>,
    /// None: what it runs now. The running incarnation stays what it is in any case.
    pub(crate) version: Option<Arc<Version>>,
}

/// An order to tell one instance of a change.
pub(crate) struct Order {
    pub(crate) what: What,
    pub(crate) changes: Vec<Change>,
    /// Gone without an answer when the instance is stopped.
    pub(crate) reply: oneshot::Sender<Reaction>,
}

pub(crate) enum What {
    /// `changing`; then make the change, with `changed` or with a recycle.
    Change(Renewal),
    /// `simultaneous-changing`.
    Announce,
    /// Make the change, with `simultaneous-changed`.
    Announced(Renewal),
    /// Make the change with a recycle, and say nothing.
    Recycle(Renewal),
    /// Recycle, and change nothing.
    Again,
    /// Recycle into another version, and say nothing. How often the one before had failed does not count against it.
    Replace(Renewal),
    /// Go on: the other version is the same for this instance.
    Keep(Renewal),
}

/// How an instance took a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It goes on with the new values.
    Changed {
        /// The first handler that was not called or did not return in time, if there is one. It sees the new values when it
        /// next asks.
        missed: Option<(RoleEvent, Missed)>,
    },
    /// It was started again with the new values and is Ready: it refused the change or failed over it, or has other
    /// certificates.
    Recycled,
    /// As [`Recycled`](Self::Recycled), but it was not Ready again in time. It is still being tried.
    NotReadyAgain,
    /// It was not running. Its next incarnation has the new values.
    NotRunning,
    /// It was stopped meanwhile.
    Stopped,
    /// It goes on: nothing of what it runs has changed.
    Untouched,
}

/// Why a handler has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missed {
    /// It was not called.
    NotCalled,
    /// It was called and has not returned in time.
    NotReturned,
}

impl Missed {
    /// What of an outcome people should know. That there is no handler, or that the instance has ended, is none of it.
    pub(crate) const fn of<T>(outcome: &Outcome<T>) -> Option<Self> {
        match outcome {
            Outcome::Unavailable => Some(Self::NotCalled),
            Outcome::TimedOut => Some(Self::NotReturned),
            Outcome::Answered(_) | Outcome::NoHandler | Outcome::Failed => None,
        }
    }
}

impl fmt::Display for Missed {
    /// The end of a sentence about a handler, such as "did not return in 10 s".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCalled => f.write_str("could not be called, because the instance blocks or computes"),
            Self::NotReturned => write!(f, "did not return in {} s", EVENT_DEADLINE.as_secs()),
        }
    }
}
