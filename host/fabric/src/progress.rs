//! How far a change or an upgrade has come, for whoever wants to watch.
//!
//! A [`WalkProgress`] is there from the start of the deployment on, and shows the last walk until the next one begins. It can be
//! read while somebody else holds the deployment, and it outlives a walk whose future was dropped.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;
use wasm_roles_service_plan::InstanceId;

use crate::change::Reaction;

/// How far a walk through the upgrade domains has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalkProgress {
    /// What is made; none before the first walk.
    pub kind: Option<WalkKind>,
    /// Where it is.
    pub phase: WalkPhase,
    /// The domain whose instances react now.
    pub domain: Option<u32>,
    /// The domains with instances that it concerns, ascending.
    pub domains: Vec<DomainProgress>,
    /// The instances that it concerns and that were there before it.
    pub instances: BTreeMap<InstanceId, InstanceProgress>,
}

/// What a walk makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WalkKind {
    /// [A change of the configuration](crate::Deployment::change).
    Change,
    /// [An upgrade](crate::Deployment::upgrade).
    Upgrade,
}

/// Where a walk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalkPhase {
    /// There was none yet.
    #[default]
    Idle,
    /// New instances start; nobody else is concerned yet.
    Arriving,
    /// Domain after domain.
    Walking,
    /// The next domain waits for somebody to name it.
    WaitingForOperator,
    /// The domains that were walked are taken back.
    RollingBack,
    /// All domains are walked, and there is no way back. Instances that go are stopped.
    Finishing,
    /// It is made.
    Done,
    /// Everything is as it was before.
    RolledBack,
}

impl WalkPhase {
    /// Whether the walk is over, or there was none.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Idle | Self::Done | Self::RolledBack)
    }
}

/// How a domain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainProgress {
    /// Its number.
    pub domain: u32,
    /// Where it is.
    pub state: DomainState,
}

/// Where a domain is in a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainState {
    /// Its turn has not come.
    Waiting,
    /// Its instances react.
    Walking,
    /// They have reacted; those of an upgrade are Ready.
    Walked,
    /// They were not Ready in time.
    Failed,
    /// They run what they ran before.
    TakenBack,
}

/// How an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceProgress {
    /// Its upgrade domain.
    pub domain: u32,
    /// What it has.
    pub state: InstanceStep,
    /// How it reacted.
    pub reaction: Option<Reaction>,
}

/// What an instance has of what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstanceStep {
    /// Nothing yet, or nothing any more.
    Old,
    /// It was told, and has not reacted.
    Reacting,
    /// All of it.
    New,
}

/// Where walks write.
#[derive(Debug)]
pub(crate) struct Tracker(watch::Sender<WalkProgress>);

impl Default for Tracker {
    fn default() -> Self {
        Self(watch::Sender::new(WalkProgress::default()))
    }
}

impl Tracker {
    pub(crate) fn watch(&self) -> watch::Receiver<WalkProgress> {
        self.0.subscribe()
    }

    /// A walk begins that concerns these instances, each in its domain.
    pub(crate) fn begin(&self, kind: WalkKind, concerned: impl Iterator<Item = (InstanceId, u32)>) {
        let old = |domain| InstanceProgress { domain, state: InstanceStep::Old, reaction: None };
        let instances: BTreeMap<InstanceId, InstanceProgress> =
            concerned.map(|(instance, domain)| (instance, old(domain))).collect();
        let domains: BTreeSet<u32> = instances.values().map(|instance| instance.domain).collect();
        let waiting = |domain| DomainProgress { domain, state: DomainState::Waiting };
        let domains = domains.into_iter().map(waiting).collect();
        self.0.send_replace(WalkProgress {
            kind: Some(kind),
            phase: WalkPhase::Arriving,
            domain: None,
            domains,
            instances,
        });
    }

    /// The walk is in another phase.
    pub(crate) fn phase(&self, phase: WalkPhase) {
        self.0.send_modify(|progress| {
            progress.phase = phase;
            if !matches!(phase, WalkPhase::Walking | WalkPhase::RollingBack) {
                progress.domain = None;
            }
        });
    }

    /// A domain's turn has come, or is over.
    pub(crate) fn domain(&self, domain: u32, state: DomainState) {
        self.0.send_modify(|progress| {
            progress.domain = (state == DomainState::Walking).then_some(domain);
            if let Some(known) = progress.domains.iter_mut().find(|known| known.domain == domain) {
                known.state = state;
            }
        });
    }

    /// An instance was told.
    pub(crate) fn told(&self, instance: &InstanceId) {
        self.write(instance, |written| written.state = InstanceStep::Reacting);
    }

    /// An instance has reacted.
    pub(crate) fn reacted(&self, instance: &InstanceId, reaction: Reaction) {
        self.write(instance, |written| {
            (written.state, written.reaction) = (InstanceStep::New, Some(reaction));
        });
    }

    /// An instance has what it had before.
    pub(crate) fn taken_back(&self, instance: &InstanceId) {
        self.write(instance, |written| written.state = InstanceStep::Old);
    }

    fn write(&self, instance: &InstanceId, change: impl FnOnce(&mut InstanceProgress)) {
        self.0.send_if_modified(|progress| {
            let Some(written) = progress.instances.get_mut(instance) else { return false };
            let before = *written;
            change(written);
            *written != before
        });
    }
}
