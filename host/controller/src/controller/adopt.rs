//! A deployment that somebody else has started, such as `wasm-roles run`: it can be operated like all others, and nothing of it is
//! kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasm_roles_control_interface::{DeploymentRef, Refusal, TenantName};
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{Deployment, Events};
use wasm_roles_service_plan::Placement;

use super::{Controller, apart};
use crate::host::Host;
use crate::operations::GiveUp;
use crate::record::{DeploymentRecord, FORMAT, SeedBytes, Target};
use crate::service::Service;
use crate::sources::Sources;
use crate::tenants::Demand;
use crate::unit::{Alive, Identity, Phase, Seen, Tee, Unit};

/// A deployment to adopt.
pub struct Adoption {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its place.
    pub who: DeploymentRef,
    /// What runs.
    pub deployment: Deployment,
    /// What it tells.
    pub events: Events,
    /// Who hears of every event too. A reader that is slow slows the guests that write.
    pub tee: Option<Tee>,
    /// What its plan was made from.
    pub sources: Sources,
    /// What the host has granted it.
    pub rules: HostRules,
}

/// A deployment that was adopted. Dropped, it stays with the host, which stops it when it closes. A clone is another handle to it.
#[derive(Clone)]
pub struct Adopted {
    host: Arc<Host>,
    service: Arc<Service>,
    unit: Arc<Unit>,
}

impl Controller {
    /// Adopts a deployment that runs.
    ///
    /// # Errors
    ///
    /// A slot that is not empty. Then the deployment is dropped, which cuts it off.
    pub async fn adopt(&self, adoption: Adoption) -> Result<Adopted, Refusal> {
        let host = Arc::clone(&self.0);
        apart(async move { adopt(host, adoption).await }).await
    }
}

async fn adopt(host: Arc<Host>, adoption: Adoption) -> Result<Adopted, Refusal> {
    let Adoption { tenant, who, deployment, events, tee, sources, rules } = adoption;
    host.still_open()?;
    let (plan, id, now) = (Arc::clone(deployment.plan()), deployment.id().to_owned(), host.now());
    let (slot, seed) = (who.slot, host.derive("adopted"));
    let identity =
        Identity { tenant, service: who.service, slot, id: id.clone(), seed, folder: None, life: 0 };
    let unit = Arc::new(Unit::new(&host, identity));
    let service = host.occupy(slot, &unit)?;
    let target =
        Target { revision: 1, configuration: None, counts: BTreeMap::new(), placement: Placement::of(&plan) };
    let held: BTreeSet<String> = deployment.at_rest().iter().map(ToString::to_string).collect();
    unit.was_recorded(DeploymentRecord {
        format: FORMAT,
        id,
        seed: SeedBytes(seed.bytes()),
        created: now,
        lives: 0,
        current: target,
        previous: None,
        held: held.clone(),
        begun: None,
    });
    unit.set_demand(Demand::of(&plan));
    unit.listen(events, tee);
    let seen = Seen {
        configuration: sources.configuration.as_ref().map(|source| source.name.clone()),
        next: None,
        sources: Arc::new(sources),
        statuses: deployment.statuses(),
        usages: deployment.usages(),
        walk: deployment.progress(),
        generations: Vec::new(),
        rules,
        options: None,
        plan,
    };
    unit.appears(seen, &deployment);
    unit.holds(held);
    *unit.alive.lock().await = Some(Alive { deployment, data: None });
    unit.enters(Phase::Running);
    Ok(Adopted { host, service, unit })
}

impl Adopted {
    pub(super) const fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(super) const fn unit(&self) -> &Arc<Unit> {
        &self.unit
    }

    /// Waits until somebody has deleted it. Then nothing of it runs.
    pub async fn ended(&self) {
        let mut gone = self.unit.gone();
        // The sender is here.
        let _ = gone.wait_for(|gone| *gone).await;
    }

    /// Gives the deployment back to the one who has started it; none when it was deleted. An operation that runs is given up. Who
    /// follows what it tells hears the rest, until it has stopped.
    pub async fn release(self) -> Option<Deployment> {
        let Self { host, service, unit } = self;
        host.closes();
        while let Some(operation) = unit.operation() {
            operation.give_up(GiveUp::HostStops);
            operation.over().await;
        }
        let alive = unit.alive.lock().await.take();
        service.vacate(&unit);
        match alive {
            Some(alive) => {
                tokio::spawn(async move {
                    unit.hears_the_end().await;
                    unit.goes();
                });
                Some(alive.deployment)
            }
            None => {
                unit.goes();
                None
            }
        }
    }
}
