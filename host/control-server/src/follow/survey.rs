//! Looks again and again which deployments there are, and which operations are over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio::task::{self, JoinSet};
use tokio::time::sleep;
use wasm_roles_control_interface::{
    DeploymentRef, DeploymentSummary, Operation, OperationId, TenantName, TenantUsage,
};

use super::follower::{Place, follow};
use super::{Over, Pace, Sink};
use crate::operator::{Caller, Operator};

/// The id of a deployment.
type DeploymentId = String;
/// An operation of a tenant.
type Key = (TenantName, OperationId);

/// What is known of the host.
pub(super) struct Survey<O, S> {
    operator: O,
    sink: Arc<S>,
    pace: Pace,
    stopping: watch::Receiver<bool>,
    followers: JoinSet<Place>,
    /// Whom each of them follows.
    tasks: HashMap<task::Id, DeploymentId>,
    followed: BTreeMap<DeploymentId, Followed>,
    /// Operations that were given out, as long as the host still lists them.
    told: BTreeSet<Key>,
    /// Operations that ran when they were last seen, and the ids of their deployments.
    running: BTreeMap<Key, (Operation, DeploymentId)>,
}

/// How far a deployment is followed.
enum Followed {
    /// Somebody follows it, as one of this slot, since this place, until this is dropped.
    Now { who: DeploymentRef, since: Place, _stay: oneshot::Sender<()> },
    /// Until this place.
    Until(Place),
    /// It is in another slot than it was: somebody follows it to the end of what was told there, since this place.
    Leaving(Place),
}

impl<O: Operator, S: Sink> Survey<O, S> {
    pub(super) fn new(operator: O, sink: S, pace: Pace, stopping: watch::Receiver<bool>) -> Self {
        Self {
            operator,
            sink: Arc::new(sink),
            pace,
            stopping,
            followers: JoinSet::new(),
            tasks: HashMap::new(),
            followed: BTreeMap::new(),
            told: BTreeSet::new(),
            running: BTreeMap::new(),
        }
    }

    /// For ever.
    pub(super) async fn run(&mut self) {
        loop {
            self.look().await;
            sleep(self.pace.every).await;
        }
    }

    /// What is left at the end.
    pub(super) async fn finish(&mut self) {
        let mut followers = std::mem::take(&mut self.followers);
        let followed = async { while followers.join_next().await.is_some() {} };
        let ((), ()) = tokio::join!(followed, self.look_at_operations());
    }

    async fn look(&mut self) {
        while let Some(ended) = self.followers.try_join_next_with_id() {
            let (task, place) = match ended {
                Ok((task, place)) => (task, Some(place)),
                Err(broken) => (broken.id(), None),
            };
            let Some(id) = self.tasks.remove(&task) else { continue };
            // One that broke off is followed once more from where it was begun.
            let since = match self.followed.get(&id) {
                Some(Followed::Now { since, .. } | Followed::Leaving(since) | Followed::Until(since)) => {
                    *since
                }
                None => Place::default(),
            };
            self.followed.insert(id, Followed::Until(place.unwrap_or(since)));
        }
        let there = self.deployments().await;
        let is_there = |id: &DeploymentId| there.iter().any(|summary| summary.id == *id);
        self.followed.retain(|id, followed| !matches!(followed, Followed::Until(_)) || is_there(id));
        for summary in &there {
            self.attend(summary);
        }
        self.look_at_operations().await;
    }

    async fn deployments(&self) -> Vec<DeploymentSummary> {
        let owner = Caller { tenant: TenantName::usual(), owner: true };
        let mut there = Vec::new();
        for TenantUsage { tenant, .. } in self.operator.host(&owner).await.tenants {
            there.extend(self.operator.services(&tenant).await.deployments);
        }
        there
    }

    /// Follows a deployment that is not followed.
    fn attend(&mut self, summary: &DeploymentSummary) {
        let place = match self.followed.get(&summary.id) {
            Some(Followed::Now { who, since, .. }) => {
                if *who != summary.deployment {
                    // What it tells from now on, it tells in another slot.
                    let since = *since;
                    self.followed.insert(summary.id.clone(), Followed::Leaving(since));
                }
                return;
            }
            Some(Followed::Leaving(_)) => return,
            Some(Followed::Until(place)) => *place,
            None => Place::default(),
        };
        let (stay, leave) = oneshot::channel();
        let followed = Followed::Now { who: summary.deployment.clone(), since: place, _stay: stay };
        self.followed.insert(summary.id.clone(), followed);
        let (operator, stopping) = (self.operator.clone(), self.stopping.clone());
        let to = (Arc::clone(&self.sink), self.pace.linger);
        let following = follow(operator, summary.clone(), place, to, stopping, leave);
        let task = self.followers.spawn(following).id();
        self.tasks.insert(task, summary.id.clone());
    }

    /// Gives out the operations that are over.
    async fn look_at_operations(&mut self) {
        let (mut listed, mut over) = (BTreeSet::new(), Vec::new());
        let mut running = std::mem::take(&mut self.running);
        for summary in self.deployments().await {
            let Ok(status) = self.operator.status(&summary.tenant, &summary.deployment).await else {
                continue;
            };
            for operation in status.operations.into_iter().chain(status.summary.operation) {
                let key = (operation.tenant.clone(), operation.id);
                // The two slots of a swap both have it.
                if !listed.insert(key.clone()) || self.told.contains(&key) {
                    continue;
                }
                running.remove(&key);
                self.sort(key, operation, summary.id.clone(), &mut over);
            }
        }
        // Those whose deployment is gone.
        for (key, (operation, id)) in running {
            let service = &operation.deployment.service;
            let now = self.operator.operation(&key.0, service, key.1, std::time::Duration::ZERO).await;
            if let Ok(operation) = now {
                self.sort(key, operation, id, &mut over);
            }
        }
        self.told.retain(|key| listed.contains(key));
        if !over.is_empty() {
            self.sink.operations(over, &mut self.stopping.clone()).await;
        }
    }

    fn sort(&mut self, key: Key, operation: Operation, id: DeploymentId, over: &mut Vec<Over>) {
        if operation.state.is_over() {
            self.told.insert(key);
            over.push(Over { operation, deployment: id });
        } else {
            self.running.insert(key, (operation, id));
        }
    }
}
