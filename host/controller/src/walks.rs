//! How far a walk through upgrade domains is, from the fabric's words to those of the wire.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use wasm_roles_control_interface::{Generation, InstanceProgress, WalkProgress};
use wasm_roles_fabric::change::Reaction;
use wasm_roles_fabric::progress::{DomainState, InstanceStep, WalkPhase};
use wasm_roles_service_plan::{InstanceId, Plan};

/// A walk that goes on.
#[derive(Clone)]
pub(crate) struct Walk {
    fabric: watch::Receiver<wasm_roles_fabric::progress::WalkProgress>,
    /// Whose order instances are shown in.
    plan: Arc<Plan>,
}

/// A walk as it is now.
pub(crate) struct Seen {
    pub(crate) progress: WalkProgress,
    /// It waits for somebody to order the next step.
    pub(crate) waits: bool,
    /// What it does, for people.
    pub(crate) message: Option<String>,
}

impl Walk {
    /// What `fabric` shows, in the order of the instances of `plan`.
    pub(crate) fn new(
        mut fabric: watch::Receiver<wasm_roles_fabric::progress::WalkProgress>,
        plan: &Arc<Plan>,
    ) -> Self {
        // What is there is the walk before.
        fabric.mark_unchanged();
        Self { fabric, plan: Arc::clone(plan) }
    }

    pub(crate) fn now(&self) -> Seen {
        if !self.has_begun() {
            return Seen { progress: WalkProgress::default(), waits: false, message: None };
        }
        let walk = self.fabric.borrow();
        // Those that go are in no new plan, and come last.
        let planned = self.plan.instances.iter().map(|planned| &planned.id);
        let stay: BTreeSet<&InstanceId> = planned.clone().collect();
        let gone = walk.instances.keys().filter(|instance| !stay.contains(instance));
        let instances = planned.chain(gone).filter_map(|id| {
            let instance = walk.instances.get(id)?;
            Some(InstanceProgress {
                instance: id.to_string(),
                domain: instance.domain,
                generation: match instance.state {
                    InstanceStep::Old | InstanceStep::Reacting => Generation::Old,
                    InstanceStep::New => Generation::New,
                },
                reaction: match (instance.state, instance.reaction) {
                    (_, Some(reaction)) => Some(in_words(reaction)),
                    (InstanceStep::Reacting, None) => Some("reacts".to_owned()),
                    (InstanceStep::Old | InstanceStep::New, None) => None,
                },
            })
        });
        let waits = walk.phase == WalkPhase::WaitingForOperator;
        let next = walk.domains.iter().find(|domain| domain.state == DomainState::Waiting);
        let domain = walk.domain.or_else(|| next.filter(|_| waits).map(|domain| domain.domain));
        let domains = u32::try_from(walk.domains.len()).unwrap_or(u32::MAX);
        let message = match walk.phase {
            WalkPhase::Idle | WalkPhase::Done | WalkPhase::RolledBack => None,
            WalkPhase::Arriving => Some("new instances start".to_owned()),
            WalkPhase::Walking => domain.map(|domain| format!("walks upgrade domain {domain} of {domains}")),
            WalkPhase::WaitingForOperator => Some(match domain {
                Some(domain) => format!("waits for somebody to walk upgrade domain {domain} of {domains}"),
                None => "waits for somebody to walk the next upgrade domain".to_owned(),
            }),
            WalkPhase::RollingBack => Some("takes back the upgrade domains that were walked".to_owned()),
            WalkPhase::Finishing => Some("stops the instances that go".to_owned()),
        };
        Seen { progress: WalkProgress { domain, domains, instances: instances.collect() }, waits, message }
    }

    /// Before, the fabric shows the walk before this one.
    pub(crate) fn has_begun(&self) -> bool {
        self.fabric.has_changed().unwrap_or(true)
    }

    /// The same, for one who waits until it goes on from here.
    pub(crate) fn going_on(&self) -> Self {
        let mut same = self.clone();
        same.fabric.mark_unchanged();
        same
    }

    /// Waits until it has gone on.
    pub(crate) async fn changed(&mut self) {
        if self.fabric.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Whether it waits for somebody to order the next step.
    pub(crate) fn waits(&self) -> bool {
        self.has_begun() && self.fabric.borrow().phase == WalkPhase::WaitingForOperator
    }

    /// Whether all upgrade domains are walked, and there is no way back.
    pub(crate) fn is_past_return(&self) -> bool {
        self.has_begun() && matches!(self.fabric.borrow().phase, WalkPhase::Finishing | WalkPhase::Done)
    }

    /// Waits until all upgrade domains are walked; for ever, if that does not happen.
    pub(crate) async fn past_return(&mut self) {
        while !self.is_past_return() {
            let mut going_on = self.going_on();
            if self.is_past_return() {
                return;
            }
            going_on.changed().await;
        }
    }

    /// Waits until this upgrade domain is being walked, or was.
    pub(crate) async fn takes(&mut self, domain: u32) {
        let is_taken = |walk: &wasm_roles_fabric::progress::WalkProgress| {
            let state = walk.domains.iter().find(|known| known.domain == domain).map(|known| known.state);
            match (walk.phase, state) {
                (WalkPhase::WaitingForOperator, Some(DomainState::Waiting | DomainState::Walking)) => false,
                (phase, Some(DomainState::Waiting)) => phase.is_over(),
                _ => true,
            }
        };
        // A deployment that is gone takes nothing.
        let _ = self.fabric.wait_for(is_taken).await;
    }

    /// Whether instances that it leads to are in this upgrade domain.
    pub(crate) fn has_domain(&self, domain: u32) -> bool {
        self.plan.instances.iter().any(|instance| instance.update_domain == domain)
    }

    /// The upgrade domains that nobody has walked yet.
    pub(crate) fn waiting(&self) -> Vec<u32> {
        let walk = self.fabric.borrow();
        let waiting = walk.domains.iter().filter(|domain| domain.state == DomainState::Waiting);
        waiting.map(|domain| domain.domain).collect()
    }
}

/// How an instance took a change.
fn in_words(reaction: Reaction) -> String {
    match reaction {
        Reaction::Changed { missed: None } => "accepted".to_owned(),
        Reaction::Changed { missed: Some((event, missed)) } => {
            format!("accepted, but its handler of {event} {missed}")
        }
        Reaction::Recycled => "recycled".to_owned(),
        Reaction::NotReadyAgain => "not Ready again in time".to_owned(),
        Reaction::NotRunning => "not running; it starts with what is new".to_owned(),
        Reaction::Stopped => "stopped meanwhile".to_owned(),
        Reaction::Untouched => "runs on, unchanged".to_owned(),
    }
}
