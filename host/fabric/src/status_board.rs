//! The status of every instance of a deployment, for whoever wants to watch.

use std::sync::Arc;

use tokio::sync::watch;
use wasm_roles_service_plan::InstanceId;

use crate::lifecycle::Status;

/// Where supervisors write.
#[derive(Clone)]
pub(crate) struct StatusBoard(Arc<watch::Sender<Vec<(InstanceId, Status)>>>);

impl StatusBoard {
    pub(crate) fn new(instances: impl Iterator<Item = InstanceId>) -> Self {
        Self(Arc::new(watch::Sender::new(instances.map(|id| (id, Status::Created)).collect())))
    }

    /// The instance number `position` of the plan has another status.
    pub(crate) fn set(&self, position: usize, status: Status) {
        self.0.send_modify(|board| {
            if let Some((_, written)) = board.get_mut(position) {
                *written = status;
            }
        });
    }

    pub(crate) fn watch(&self) -> Statuses {
        Statuses(self.0.subscribe())
    }
}

/// The status of every instance, now and from now on. It outlives the deployment and then shows the last statuses.
#[derive(Clone, Debug)]
pub struct Statuses(watch::Receiver<Vec<(InstanceId, Status)>>);

impl Statuses {
    /// All instances in the order of the plan.
    #[must_use]
    pub fn now(&self) -> Vec<(InstanceId, Status)> {
        self.0.borrow().clone()
    }

    /// The instances that have one of these statuses now.
    #[must_use]
    pub fn with(&self, statuses: &[Status]) -> Vec<InstanceId> {
        let board = self.0.borrow();
        board.iter().filter(|(_, status)| statuses.contains(status)).map(|(id, _)| id.clone()).collect()
    }

    /// Waits until all instances are Ready at one time. It never returns if the deployment ends before that.
    pub async fn all_ready(&mut self) {
        let ready =
            |board: &Vec<(InstanceId, Status)>| board.iter().all(|(_, status)| *status == Status::Ready);
        if self.0.wait_for(ready).await.is_err() {
            std::future::pending().await
        }
    }
}
