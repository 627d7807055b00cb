//! The end of a host: everything stops, and comes back when it is opened again.

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Controller;
use crate::operations::GiveUp;

impl Controller {
    /// Stops all deployments, all at the same time; from `impatience` on they are cut off. Nothing more can be begun. What is on
    /// the disk stays, and operations that were begun are ended by the host that is opened next.
    pub async fn close(&self, impatience: impl Future<Output = ()>) {
        self.0.closes();
        let (hurry, hurried) = watch::channel(false);
        let mut stopping = JoinSet::new();
        for unit in self.0.units(None) {
            let mut hurried = hurried.clone();
            stopping.spawn(async move {
                while let Some(operation) = unit.operation() {
                    operation.give_up(GiveUp::HostStops);
                    operation.over().await;
                }
                let alive = unit.alive.lock().await.take();
                if let Some(alive) = alive {
                    let impatient = async move { drop(hurried.wait_for(|hurry| *hurry).await) };
                    alive.deployment.stop_unless(impatient).await;
                    unit.hears_the_rest().await;
                    if let Some(data) = alive.data {
                        // What is left there is of no use, and does no harm.
                        let _ = tokio::task::spawn_blocking(move || data.give_back()).await;
                    }
                }
                unit.goes();
            });
        }
        let all = async { while stopping.join_next().await.is_some() {} };
        let mut all = std::pin::pin!(all);
        tokio::select! {
            biased;
            () = &mut all => return,
            () = impatience => {}
        }
        hurry.send_replace(true);
        all.await;
    }
}
