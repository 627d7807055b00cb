//! Operations: what runs, and what has run.
//!
//! An operation belongs to a service and outlives its deployment: whoever has deleted something wants to know how it went. The last
//! hundred that are over are kept for each service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use wasm_roles_control_interface::{
    DeploymentRef, Operation, OperationId, OperationKind, OperationState, Refusal, RefusalCode, ServiceName,
    TenantName, Timestamp, WalkProgress,
};

use crate::walks::Walk;

/// Operations of one service that are over and still known.
const KEPT: usize = 100;
/// Services of one tenant whose operations are known.
const SERVICES: usize = 2_000;

/// One operation.
pub(crate) struct Running {
    pub(crate) id: OperationId,
    pub(crate) kind: OperationKind,
    pub(crate) tenant: TenantName,
    pub(crate) who: DeploymentRef,
    /// The id of its deployment.
    pub(crate) deployment: String,
    pub(crate) begun: Timestamp,
    stage: watch::Sender<Stage>,
    /// Who wants it to give up.
    wanted: watch::Sender<Option<GiveUp>>,
    /// Where a manual walk takes its orders.
    steps: Mutex<Option<mpsc::Sender<u32>>>,
    walk: Mutex<Walked>,
}

/// How far it is.
#[derive(Clone, Debug)]
struct Stage {
    state: OperationState,
    ended: Option<Timestamp>,
    message: String,
    failure: Option<Refusal>,
    /// It has done its work and only watches what comes of it: any other operation may begin.
    yields: bool,
}

enum Walked {
    Nothing,
    Now(Walk),
    Over(Option<WalkProgress>),
}

/// What an operation is about.
pub(crate) struct About {
    pub(crate) id: OperationId,
    pub(crate) kind: OperationKind,
    pub(crate) tenant: TenantName,
    pub(crate) who: DeploymentRef,
    pub(crate) deployment: String,
    pub(crate) begun: Timestamp,
}

impl Running {
    pub(crate) fn new(about: About, message: &str) -> Self {
        let About { id, kind, tenant, who, deployment, begun } = about;
        let stage = Stage {
            state: OperationState::Running,
            ended: None,
            message: message.to_owned(),
            failure: None,
            yields: false,
        };
        Self {
            id,
            kind,
            tenant,
            who,
            deployment,
            begun,
            stage: watch::Sender::new(stage),
            wanted: watch::Sender::new(None),
            steps: Mutex::new(None),
            walk: Mutex::new(Walked::Nothing),
        }
    }

    /// As it goes over the wire.
    pub(crate) fn now(&self) -> Operation {
        let stage = self.stage.borrow().clone();
        let (progress, waits, told) = match &*self.walk() {
            Walked::Nothing => (None, false, None),
            Walked::Now(walk) => {
                let seen = walk.now();
                let waits = seen.waits && self.awaits_orders();
                (Some(seen.progress), waits, seen.message)
            }
            Walked::Over(progress) => (progress.clone(), false, None),
        };
        let state = match stage.state {
            OperationState::Running if waits => OperationState::Waiting,
            state => state,
        };
        Operation {
            id: self.id,
            kind: self.kind,
            tenant: self.tenant.clone(),
            deployment: self.who.clone(),
            state,
            begun: self.begun,
            ended: stage.ended,
            message: told.filter(|_| !state.is_over()).unwrap_or(stage.message),
            progress,
            failure: stage.failure,
        }
    }

    /// The same in one row of a table.
    pub(crate) fn row(&self) -> Operation {
        let mut now = self.now();
        if let Some(progress) = &mut now.progress {
            progress.instances.clear();
        }
        now
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stage.borrow().state.is_over()
    }

    pub(crate) fn yields(&self) -> bool {
        self.stage.borrow().yields
    }

    /// What it does now.
    pub(crate) fn says(&self, message: &str) {
        self.stage.send_modify(|stage| message.clone_into(&mut stage.message));
    }

    /// Whether it has walked its last upgrade domain, behind which there is no way back.
    pub(crate) fn is_past_return(&self) -> bool {
        matches!(&*self.walk(), Walked::Now(walk) if walk.is_past_return())
    }

    /// From now on any other operation may begin, and ends it.
    pub(crate) fn now_yields(&self) {
        self.stage.send_modify(|stage| stage.yields = true);
    }

    /// It goes through upgrade domains, as `walk` shows.
    pub(crate) fn walks(&self, walk: Walk) {
        *self.walk() = Walked::Now(walk);
        // Whoever waits has to look at the walk too.
        self.stage.send_modify(|_| {});
    }

    /// The walk through upgrade domains that goes on, or shall begin.
    pub(crate) fn its_walk(&self) -> Option<Walk> {
        match &*self.walk() {
            Walked::Now(walk) => Some(walk.clone()),
            Walked::Nothing | Walked::Over(_) => None,
        }
    }

    /// It takes orders to walk.
    pub(crate) fn takes_steps(&self, steps: mpsc::Sender<u32>) {
        *self.steps() = Some(steps);
    }

    /// Where to order the next step; none when it is no manual walk.
    pub(crate) fn steps_to(&self) -> Option<mpsc::Sender<u32>> {
        self.steps().clone()
    }

    /// Whether it takes orders to walk, and has all taken that were given.
    fn awaits_orders(&self) -> bool {
        self.steps().as_ref().is_some_and(|steps| steps.capacity() == steps.max_capacity())
    }

    /// It is over. The first end counts.
    pub(crate) fn ends(&self, at: Timestamp, end: End) {
        let mut walk = self.walk();
        if let Walked::Now(seen) = &*walk {
            let last = seen.now().progress;
            *walk = Walked::Over(Some(last));
        }
        drop(walk);
        *self.steps() = None;
        self.stage.send_modify(|stage| {
            if !stage.state.is_over() {
                let End { state, message, failure } = end;
                *stage = Stage { state, ended: Some(at), message, failure, yields: false };
            }
        });
    }

    /// Asks it to give up. The first who asks is heard.
    pub(crate) fn give_up(&self, why: GiveUp) {
        self.wanted.send_modify(|wanted| *wanted = wanted.or(Some(why)));
    }

    /// Waits until somebody asks it to give up.
    pub(crate) async fn given_up(&self) -> GiveUp {
        let mut wanted = self.wanted.subscribe();
        match wanted.wait_for(Option::is_some).await.map(|why| *why) {
            Ok(Some(why)) => why,
            // The sender is here.
            _ => std::future::pending().await,
        }
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        let mut stage = self.stage.subscribe();
        // The sender is here.
        let _ = stage.wait_for(|stage| stage.state.is_over()).await;
    }

    /// Waits until it is over or waits for somebody, at most so long.
    pub(crate) async fn settled(&self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut stage = self.stage.subscribe();
        let settled = async {
            loop {
                // First what to wait for, then what is there: nothing comes in between.
                let (mut seen, waits) = match &*self.walk() {
                    Walked::Now(walk) => (Some(walk.going_on()), walk.waits()),
                    _ => (None, false),
                };
                if self.is_over() || (waits && self.awaits_orders()) {
                    return;
                }
                tokio::select! {
                    changed = stage.changed() => if changed.is_err() { return },
                    () = async {
                        match &mut seen {
                            Some(walk) => walk.changed().await,
                            None => std::future::pending().await,
                        }
                    } => {}
                }
            }
        };
        let _ = timeout_at(deadline, settled).await;
    }

    /// Why another operation cannot begin.
    pub(crate) fn in_the_way(&self) -> Refusal {
        let message = format!("{} is busy: the {} {} runs", self.who, self.kind, self.id);
        let hint = match self.kind {
            _ if self.is_past_return() => {
                "it has walked its last upgrade domain: wait until it is over, and roll back then"
            }
            OperationKind::Update | OperationKind::Scale | OperationKind::Upgrade => {
                "wait until it is over, or end it with `rollback`"
            }
            _ => "wait until it is over",
        };
        Refusal::new(RefusalCode::OperationRunning, message).hint(hint)
    }

    fn steps(&self) -> MutexGuard<'_, Option<mpsc::Sender<u32>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn walk(&self) -> MutexGuard<'_, Walked> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an operation should give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUp {
    /// Another one shall begin.
    For(OperationKind),
    /// The host stops.
    HostStops,
}

/// How an operation ends.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) state: OperationState,
    pub(crate) message: String,
    pub(crate) failure: Option<Refusal>,
}

impl End {
    pub(crate) fn done(message: impl Into<String>) -> Self {
        Self { state: OperationState::Done, message: message.into(), failure: None }
    }

    pub(crate) fn failed(failure: Refusal) -> Self {
        Self { state: OperationState::Failed, message: failure.message.clone(), failure: Some(failure) }
    }

    pub(crate) fn rolled_back(failure: Refusal) -> Self {
        Self { state: OperationState::RolledBack, message: failure.message.clone(), failure: Some(failure) }
    }

    /// It gave up for another operation.
    pub(crate) fn interrupted(why: GiveUp, what_is_there: &str) -> Self {
        let message = match why {
            GiveUp::HostStops => format!("the host stops; {what_is_there}"),
            GiveUp::For(kind) => format!("another operation was begun, {kind}; {what_is_there}"),
        };
        let failure = Refusal::new(RefusalCode::Interrupted, message);
        match why {
            GiveUp::For(OperationKind::Rollback) => Self::rolled_back(failure),
            _ => Self::failed(failure),
        }
    }
}

/// Those of each service, the newest first.
type ByService = BTreeMap<(TenantName, ServiceName), VecDeque<Arc<Running>>>;

/// The operations of all services.
#[derive(Default)]
pub(crate) struct Operations(Mutex<All>);

#[derive(Default)]
struct All {
    by_service: ByService,
    ids: BTreeSet<OperationId>,
}

impl Operations {
    /// An operation was begun.
    pub(crate) fn add(&self, operation: &Arc<Running>) {
        let mut all = self.all();
        let All { by_service, ids } = &mut *all;
        let key = (operation.tenant.clone(), operation.who.service.clone());
        let of_service = by_service.entry(key).or_default();
        ids.insert(operation.id);
        of_service.push_front(Arc::clone(operation));
        let mut over = 0;
        of_service.retain(|operation| {
            over += usize::from(operation.is_over());
            let stays = over <= KEPT || !operation.is_over();
            if !stays {
                ids.remove(&operation.id);
            }
            stays
        });
        for forgotten in forget_oldest_service(by_service, &operation.tenant) {
            ids.remove(&forgotten.id);
        }
    }

    /// It was refused after all: nobody has heard of it.
    pub(crate) fn forget(&self, operation: &Running) {
        let key = (operation.tenant.clone(), operation.who.service.clone());
        let mut all = self.all();
        let All { by_service, ids } = &mut *all;
        if let Some(of_service) = by_service.get_mut(&key) {
            let before = of_service.len();
            of_service.retain(|known| known.id != operation.id);
            if of_service.len() < before {
                ids.remove(&operation.id);
            }
            if of_service.is_empty() {
                by_service.remove(&key);
            }
        }
    }

    pub(crate) fn find(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
        id: OperationId,
    ) -> Option<Arc<Running>> {
        let all = self.all();
        let of_service = all.by_service.get(&(tenant.clone(), service.clone()))?;
        of_service.iter().find(|operation| operation.id == id).cloned()
    }

    pub(crate) fn is_known(&self, id: OperationId) -> bool {
        self.all().ids.contains(&id)
    }

    /// Those of one deployment, the newest first.
    pub(crate) fn of(&self, tenant: &TenantName, service: &ServiceName, deployment: &str) -> Vec<Operation> {
        /// In a table.
        const SHOWN: usize = 10;
        let all = self.all();
        let of_service = all.by_service.get(&(tenant.clone(), service.clone())).into_iter().flatten();
        let of_deployment = of_service.filter(|operation| operation.deployment == deployment);
        of_deployment.take(SHOWN).map(|operation| operation.now()).collect()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of services that are gone, the last that were are known: names cost nothing, and a tenant could go through all of them.
fn forget_oldest_service(all: &mut ByService, tenant: &TenantName) -> VecDeque<Arc<Running>> {
    let of_tenant = || all.iter().filter(|((of, _), _)| of == tenant);
    if of_tenant().count() <= SERVICES {
        return VecDeque::new();
    }
    let idle = of_tenant().filter(|(_, operations)| operations.iter().all(|operation| operation.is_over()));
    let last = |operations: &VecDeque<Arc<Running>>| operations.front().map(|operation| operation.begun);
    let oldest = idle.min_by_key(|(_, operations)| last(operations)).map(|(key, _)| key.clone());
    oldest.and_then(|oldest| all.remove(&oldest)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: u64) -> Arc<Running> {
        let about = About {
            id: OperationId(id),
            kind: OperationKind::Update,
            tenant: TenantName::usual(),
            who: "shop".parse().unwrap(),
            deployment: "d".to_owned(),
            begun: Timestamp::default(),
        };
        Arc::new(Running::new(about, "begins"))
    }

    fn find(operations: &Operations, id: u64) -> Option<Arc<Running>> {
        operations.find(&TenantName::usual(), &"shop".parse().unwrap(), OperationId(id))
    }

    #[test]
    fn the_last_hundred_that_are_over_are_kept_and_all_that_run() {
        let operations = Operations::default();
        let runs = operation(0);
        operations.add(&runs);
        for id in 1..=150 {
            let over = operation(id);
            over.ends(Timestamp::default(), End::done("done"));
            operations.add(&over);
        }
        assert!(find(&operations, 0).is_some());
        assert!(find(&operations, 50).is_none() && find(&operations, 51).is_some());
        assert!(!operations.is_known(OperationId(50)) && operations.is_known(OperationId(51)));
    }

    #[test]
    fn another_tenant_finds_nothing() {
        let operations = Operations::default();
        operations.add(&operation(1));
        let other = "other".parse().unwrap();
        assert!(operations.find(&other, &"shop".parse().unwrap(), OperationId(1)).is_none());
        assert!(operations.of(&other, &"shop".parse().unwrap(), "d").is_empty());
    }

    #[test]
    fn the_first_end_counts() {
        let operation = operation(1);
        operation.ends(Timestamp::default(), End::done("all of it"));
        operation.ends(Timestamp::default(), End::failed(Refusal::new(RefusalCode::Internal, "late")));
        assert_eq!(
            (operation.now().state, operation.now().message),
            (OperationState::Done, "all of it".to_owned())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_of_the_end_or_gets_an_answer_in_time() {
        let operation = operation(1);
        let begun = Instant::now();
        operation.settled(Duration::from_secs(5)).await;
        assert_eq!(
            (begun.elapsed(), operation.now().state),
            (Duration::from_secs(5), OperationState::Running)
        );
        let waiting = Arc::clone(&operation);
        let waiting = tokio::spawn(async move { waiting.settled(Duration::from_secs(60)).await });
        operation.ends(Timestamp::default(), End::done("all of it"));
        waiting.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn the_first_who_wants_it_to_give_up_is_heard() {
        let operation = operation(1);
        operation.give_up(GiveUp::For(OperationKind::Rollback));
        operation.give_up(GiveUp::HostStops);
        assert_eq!(operation.given_up().await, GiveUp::For(OperationKind::Rollback));
    }
}
