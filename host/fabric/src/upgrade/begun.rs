//! An upgrade that was begun: all that has to be known to go on with it, or to take it back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, RoleName};

use super::RolledBack;
use super::gate::Gate;
use super::ports::PortWork;
use super::route::Route;
use crate::certificates::Provision;
use crate::change::{Arrival, Renewal, Turnover};
use crate::deployment::DeploymentOptions;
use crate::publish::Publication;
use crate::version::Generation;
use crate::view::Views;

/// An upgrade that was begun and is not finished.
pub(crate) struct Begun {
    pub(super) plan: Arc<Plan>,
    pub(super) generation: Arc<Generation>,
    /// What the instances of the plan see.
    pub(super) views: Views,
    pub(super) provision: Arc<Provision>,
    /// The certificates of the generation before.
    pub(super) provision_before: Arc<Provision>,
    /// Where public ports listen from now on, if that was said.
    pub(super) publication: Option<Publication>,
    /// How the new generation is run. What an exchange of public sides or an order changes meanwhile is not in it.
    pub(super) options: DeploymentOptions,
    pub(super) health: Duration,
    /// Roles whose instances lose what they have stored.
    pub(super) loses_data: BTreeSet<RoleName>,
    pub(super) turnover: Turnover,
    pub(super) route: Route,
    /// Who stays and goes on with what it runs.
    pub(super) kept: BTreeSet<InstanceId>,
    /// Who stays and was told to run the new generation.
    pub(super) led: BTreeSet<InstanceId>,
    pub(super) ports: PortWork,
    pub(super) added: Vec<(InstanceId, Arrival)>,
    pub(super) stage: Stage,
}

/// Which way it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// To the new generation.
    Leading,
    /// Back to the old one.
    TakingBack(RolledBack),
    /// There is no way back.
    Settling,
}

impl Begun {
    /// What the new generation is.
    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The instances of a domain that stay and change.
    pub(super) fn changing_in(&self, domain: u32) -> Vec<PlannedInstance> {
        self.changing().filter(|instance| instance.update_domain == domain).cloned().collect()
    }

    /// The instances that stay and change.
    pub(super) fn changing(&self) -> impl Iterator<Item = &PlannedInstance> {
        let changes = |id: &InstanceId| self.turnover.staying.contains(id) && !self.kept.contains(id);
        self.plan.instances.iter().filter(move |instance| changes(&instance.id))
    }

    /// Those who go on with what they run, in the order of the plan.
    pub(super) fn kept(&self) -> Vec<PlannedInstance> {
        self.plan.instances.iter().filter(|instance| self.kept.contains(&instance.id)).cloned().collect()
    }

    /// Those of the new generation so far: who has come, and who was led to it.
    pub(super) fn of_new_generation(&self) -> BTreeSet<InstanceId> {
        let coming = self.turnover.coming.iter().map(|instance| instance.id.clone());
        coming.chain(self.led.iter().cloned()).collect()
    }

    /// The gate that they have to pass. Those of the generation before have this stop budget.
    pub(super) fn gate<'a>(&self, instances: &'a BTreeSet<InstanceId>, stop_budget: Duration) -> Gate<'a> {
        Gate { instances, generation: self.generation.number, health: self.health, stop_budget }
    }

    /// What makes an instance one of the new generation; its stores are below `data`.
    pub(super) fn renewal(&self, instance: &PlannedInstance, data: &std::path::Path) -> Option<Renewal> {
        let begins_empty = self.loses_data.contains(&instance.role);
        Some(Renewal {
            plan: Arc::clone(&self.plan),
            environment: Arc::new(self.views.of(&instance.id)?),
            provision: Some(Arc::clone(&self.provision)),
            version: Some(self.generation.version(&self.plan, instance, data, begins_empty)?),
        })
    }
}
