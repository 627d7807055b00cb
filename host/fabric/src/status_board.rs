//! The status of every instance of a deployment, for whoever wants to watch.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use wasm_roles_service_plan::InstanceId;

use crate::lifecycle::Status;

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is in its life.
    pub status: Status,
    /// Its last recycle; none when it was not recycled yet.
    pub recycled: Option<Recycled>,
}

/// A recycle that nobody asked for. `Display` gives a sentence without subject, such as "recycled 3 times, because run
/// returned an error: no route".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recycled {
    /// The how many-th in a row this is, from 1: without five minutes of Ready in between.
    pub times: u32,
    /// How the incarnation ended, as a sentence without subject. It may hold a guest's words.
    pub because: String,
    /// The last lines of its standard error, five at most: a guest's words.
    pub last_words: Vec<String>,
}

impl fmt::Display for Recycled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.times {
            1 => write!(f, "recycled, because {}", self.because),
            times => write!(f, "recycled {times} times, because {}", self.because),
        }
    }
}

/// Where supervisors write.
#[derive(Clone)]
pub(crate) struct StatusBoard(Arc<watch::Sender<Vec<InstanceStatus>>>);

impl StatusBoard {
    pub(crate) fn new(instances: impl Iterator<Item = InstanceId>) -> Self {
        let created = |instance| InstanceStatus { instance, status: Status::Created, recycled: None };
        Self(Arc::new(watch::Sender::new(instances.map(created).collect())))
    }

    /// The instance number `position` of the plan has another status.
    pub(crate) fn set(&self, position: usize, status: Status) {
        self.write(position, |written| written.status = status);
    }

    /// The instance number `position` of the plan is recycled.
    pub(crate) fn recycled(&self, position: usize, recycled: Recycled) {
        self.write(position, |written| written.recycled = Some(recycled));
    }

    fn write(&self, position: usize, change: impl FnOnce(&mut InstanceStatus)) {
        self.0.send_modify(|board| {
            if let Some(written) = board.get_mut(position) {
                change(written);
            }
        });
    }

    pub(crate) fn watch(&self) -> Statuses {
        Statuses(self.0.subscribe())
    }
}

/// The status of every instance, now and from now on. It outlives the deployment and then shows the last statuses.
#[derive(Clone, Debug)]
pub struct Statuses(watch::Receiver<Vec<InstanceStatus>>);

impl Statuses {
    /// All instances in the order of the plan.
    #[must_use]
    pub fn now(&self) -> Vec<InstanceStatus> {
        self.0.borrow().clone()
    }

    /// The instances that have one of these statuses now.
    #[must_use]
    pub fn with(&self, statuses: &[Status]) -> Vec<InstanceId> {
        let board = self.0.borrow();
        let found = board.iter().filter(|written| statuses.contains(&written.status));
        found.map(|written| written.instance.clone()).collect()
    }

    /// Waits until all instances are Ready at one time. It never returns if the deployment ends before that.
    pub async fn all_ready(&mut self) {
        let ready = |board: &Vec<InstanceStatus>| board.iter().all(|written| written.status == Status::Ready);
        if self.0.wait_for(ready).await.is_err() {
            std::future::pending().await
        }
    }
}
