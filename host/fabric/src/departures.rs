//! Instances that have left for good: what of theirs is still to be removed, and whom it is still to be told.
//!
//! A change whose future is dropped forgets none of them. Whoever has stopped stands here until a summary has it, and a removal that
//! has begun is waited for before anybody starts who could have the same folder.

use std::path::Path;

use tokio::task::JoinSet;

use crate::deployment::StoppedInstance;
use crate::storage::Stores;

/// Those who have left, in the order in which they stopped.
#[derive(Default)]
pub(crate) struct Departures {
    /// Their local stores are there.
    with_stores: Vec<StoppedInstance>,
    /// No summary has them.
    untold: Vec<StoppedInstance>,
    removals: JoinSet<()>,
}

impl Departures {
    /// An instance has stopped, and does not start again.
    pub(crate) fn add(&mut self, stopped: StoppedInstance) {
        self.with_stores.push(stopped);
    }

    /// Removes what they have stored below `data`. What cannot be removed stays.
    pub(crate) async fn remove_stores(&mut self, data: &Path) {
        for stopped in self.with_stores.drain(..) {
            let stores = Stores::removal(data, &stopped.instance);
            self.removals.spawn_blocking(stores);
            self.untold.push(stopped);
        }
        self.removed().await;
    }

    /// Waits for the removals that have begun.
    async fn removed(&mut self) {
        while self.removals.join_next().await.is_some() {}
    }

    /// Those whom no summary has told of yet.
    pub(crate) fn tell(&mut self) -> Vec<StoppedInstance> {
        std::mem::take(&mut self.untold)
    }

    /// The same at the end of the deployment, whose owner removes what is left: nothing here touches the disk any more.
    pub(crate) async fn finish(mut self) -> Vec<StoppedInstance> {
        self.removed().await;
        self.untold.append(&mut self.with_stores);
        self.untold
    }
}
