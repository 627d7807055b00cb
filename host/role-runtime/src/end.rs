//! How an incarnation of an instance ended.

use std::fmt;

use crate::events::RoleEvent;

/// Where in its life an instance was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// While it was instantiated.
    Instantiation,
    /// In `on-start`.
    OnStart,
    /// In `run`, or in the answer to a request.
    Run,
    /// While the handler of this event was under way, beside `run`.
    Event(RoleEvent),
    /// In `stopping`.
    Stopping,
    /// In `on-stop`.
    OnStop,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instantiation => "while it was instantiated",
            Self::OnStart => "in on-start",
            Self::Run => "while it ran",
            Self::Event(event) => return write!(f, "in {event}"),
            Self::Stopping => "in stopping",
            Self::OnStop => "in on-stop",
        })
    }
}

/// Why there is nothing left of an incarnation. `Display` gives one sentence without a subject,
/// such as "run returned an error: no route".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// `on-start` returned an error, or the host could not give the instance what it needs.
    StartFailed {
        /// The guest's or the host's words.
        reason: String,
    },
    /// `run` returned, or the program ended; then `stopping` and `on-stop` were called.
    RunReturned {
        /// What it returned.
        result: Result<(), String>,
    },
    /// `run` returned, or the program ended, but what had to come after it, up to `on-stop`, outlived the stop budget.
    CutOffAfterRun {
        /// What `run` returned.
        result: Result<(), String>,
    },
    /// The guest trapped. Nothing more was called.
    Trapped {
        /// Where it was.
        during: Phase,
        /// What the engine says.
        reason: String,
    },
    /// The guest asked to be recycled; then `stopping` and `on-stop` were called.
    RecycleRequested {
        /// True when the stop budget was over before it had ended.
        forced: bool,
    },
    /// The owner asked it to stop.
    Stopped {
        /// True when it was cut off: the stop budget was over, or it was killed.
        forced: bool,
    },
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartFailed { reason } => write!(f, "could not start: {reason}"),
            Self::RunReturned { result: Ok(()) } => f.write_str("run returned"),
            Self::RunReturned { result: Err(reason) } => write!(f, "run returned an error: {reason}"),
            Self::CutOffAfterRun { result } => {
                Self::RunReturned { result: result.clone() }.fmt(f)?;
                f.write_str("; it was cut off when its stop budget was over")
            }
            Self::Trapped { during, reason } => write!(f, "trapped {during}: {reason}"),
            Self::RecycleRequested { forced: false } => f.write_str("asked to be recycled"),
            Self::RecycleRequested { forced: true } => {
                f.write_str("asked to be recycled and was cut off when its stop budget was over")
            }
            Self::Stopped { forced: false } => f.write_str("stopped"),
            Self::Stopped { forced: true } => f.write_str("was cut off"),
        }
    }
}
