//! Follows everything: the lines and the events of all deployments of all tenants, and the operations that are over.
//!
//! What is followed goes to a [`Sink`], as fast as that one takes it. Nothing is queued: while a sink is busy, streams are not read,
//! and what their journals forget meanwhile is told as missing.

mod follower;
mod survey;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasm_roles_control_interface::{DeploymentSummary, EventLine, LogLine, Operation, Timestamp};

use self::survey::Survey;
use crate::operator::Operator;

/// What is followed, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A line of a guest.
    Line(Arc<LogLine>),
    /// Something that happened.
    Event(Arc<EventLine>),
    /// So many are not there any more.
    Missing {
        /// `lines` or `events`.
        what: &'static str,
        /// How many.
        missed: u64,
        /// The time of what was told last before them.
        after: Timestamp,
    },
}

/// An operation that is over, and the id of its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The operation.
    pub operation: Operation,
    /// The id of its deployment, also when that is gone.
    pub deployment: String,
}

/// Where it goes. Whoever is slow takes as long as it needs.
pub trait Sink: Send + Sync + 'static {
    /// Takes entries of one deployment. `stopping` becomes true when it should come to an end.
    fn entries(
        &self,
        of: &DeploymentSummary,
        entries: Vec<Entry>,
        stopping: &mut watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send;

    /// Takes operations that are over, each once.
    fn operations(
        &self,
        over: Vec<Over>,
        stopping: &mut watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send;
}

/// How often one looks, and how long one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often new deployments and operations that are over are looked for.
    pub every: Duration,
    /// How long an entry waits for others before it is given out.
    pub linger: Duration,
    /// How long the last ones may take at the end.
    pub stop_time: Duration,
}

/// Follows until `stop`; then what is at hand is given out, at most for [`stop_time`](Pace::stop_time).
pub async fn follow_all<O: Operator>(
    operator: O,
    sink: impl Sink,
    pace: Pace,
    stop: impl Future<Output = ()>,
) {
    let (tell_stopping, stopping) = watch::channel(false);
    let mut survey = Survey::new(operator, sink, pace, stopping);
    tokio::select! {
        () = survey.run() => {}
        () = stop => {}
    }
    tell_stopping.send_replace(true);
    // What does not get there in time stays here.
    let _ = tokio::time::timeout(pace.stop_time, survey.finish()).await;
}
