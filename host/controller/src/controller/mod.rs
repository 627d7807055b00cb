//! The controller: what can be asked of a host, and for whom.
//!
//! Every request is made for a tenant, and finds nothing of another's. A change begins and is an [`Operation`] at once; it goes
//! on in a task of its own, whatever becomes of the one who asked. What can be refused is refused before that.

mod adopt;
mod close;
mod delete;
mod deploy;
mod explain;
mod lines;
mod named;
mod open;
mod orders;
mod recover;
mod renew;
mod rollback;
mod start;
mod swap;
mod update;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wasm_roles_control_interface::{
    DeploymentList, DeploymentRef, DeploymentStatus, HostInfo, Operation, OperationId, OperationKind,
    Refusal, RefusalCode, ServiceName, TenantName, TenantUsage, TopTable, Usage,
};

pub use adopt::{Adopted, Adoption};
pub use lines::{About, Lines};
pub use open::{OpenError, Recovery};
pub use renew::Renewal;

use crate::host::{Host, internal};
use crate::tenants::Demand;
use crate::unit::Claim;

/// A host of many deployments. Clone = handle.
#[derive(Clone)]
pub struct Controller(pub(crate) Arc<Host>);

impl Controller {
    /// The host, as this tenant may know it.
    #[must_use]
    pub fn host(&self, tenant: &TenantName) -> HostInfo {
        self.info(tenant, std::slice::from_ref(tenant), Some(tenant))
    }

    /// The host, as its owner may know it: with all tenants. `tenant` is the one for whom it asks.
    #[must_use]
    pub fn host_of_owner(&self, tenant: &TenantName) -> HostInfo {
        let mut tenants: Vec<TenantName> =
            self.0.units(None).iter().map(|unit| unit.tenant.clone()).collect();
        tenants.push(tenant.clone());
        tenants.extend(self.0.options.tenants.named.keys().cloned());
        tenants.sort_unstable();
        tenants.dedup();
        self.info(tenant, &tenants, None)
    }

    fn info(
        &self,
        tenant: &TenantName,
        tenants: &[TenantName],
        problems_of: Option<&TenantName>,
    ) -> HostInfo {
        HostInfo {
            version: self.0.options.version.clone(),
            now: self.0.now(),
            since: self.0.started,
            tenant: tenant.clone(),
            persistent: self.0.options.data_dir.is_some(),
            recovering: self.0.is_recovering(),
            tenants: tenants.iter().map(|tenant| self.usage(tenant)).collect(),
            problems: self.0.problems(problems_of),
        }
    }

    fn usage(&self, tenant: &TenantName) -> TenantUsage {
        let units = self.0.units(Some(tenant));
        let used = units.iter().fold(Demand::default(), |sum, unit| sum.with(unit.uses()));
        let caps = self.0.options.tenants.caps(tenant);
        TenantUsage {
            tenant: tenant.clone(),
            deployments: u64::try_from(units.len()).unwrap_or(u64::MAX),
            instances: Usage { used: used.instances.into(), cap: caps.instances.map(Into::into) },
            memory_bytes: Usage { used: used.memory_bytes, cap: caps.memory_bytes },
            public_ports: Usage { used: used.public_ports.into(), cap: caps.public_ports.map(Into::into) },
        }
    }

    /// The tenant's deployments, by service and slot.
    #[must_use]
    pub fn services(&self, tenant: &TenantName) -> DeploymentList {
        let deployments = self.0.units(Some(tenant)).iter().map(|unit| unit.summary()).collect();
        DeploymentList { now: self.0.now(), deployments }
    }

    /// The deployments of all tenants: for metrics that the host's owner reads.
    #[must_use]
    pub fn services_of_all(&self) -> DeploymentList {
        let deployments = self.0.units(None).iter().map(|unit| unit.summary()).collect();
        DeploymentList { now: self.0.now(), deployments }
    }

    /// A deployment in full.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub fn status(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<DeploymentStatus, Refusal> {
        let unit = self.0.find(tenant, who)?;
        Ok(unit.status(&self.0.operations, self.0.now()))
    }

    /// What the instances of a deployment use.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub fn top(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<TopTable, Refusal> {
        let unit = self.0.find(tenant, who)?;
        Ok(TopTable { now: self.0.now(), rows: unit.top() })
    }

    /// An operation of a service, also of a deployment that is gone. Waits until it is over or waits for somebody, at most so
    /// long.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub async fn operation(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
        id: OperationId,
        wait: Duration,
    ) -> Result<Operation, Refusal> {
        let found = self.0.operations.find(tenant, service, id).ok_or_else(|| {
            Refusal::new(RefusalCode::NotFound, format!("service {service} has no operation {id}"))
                .hint("the last hundred of a service are known, as long as the host runs")
        })?;
        if !wait.is_zero() {
            found.settled(wait).await;
        }
        Ok(found.now())
    }
}

/// Claims the deployment that is in this slot. While the claim waits for what runs, another deployment may have come there.
async fn claim(
    host: &Arc<Host>,
    tenant: &TenantName,
    who: &DeploymentRef,
    kind: OperationKind,
) -> Result<Claim, Refusal> {
    loop {
        let unit = host.find(tenant, who)?;
        let claim = unit.claim(host, kind).await?;
        let is_gone = *unit.gone().borrow();
        // A deploy that was ended for its own delete leaves nothing, and that is what was asked for.
        if (unit.slot() == who.slot && !is_gone) || (is_gone && kind == OperationKind::Delete) {
            return Ok(claim);
        }
    }
}

#[cfg(test)]
impl Controller {
    pub(crate) fn unit(&self, tenant: &TenantName, who: &DeploymentRef) -> Arc<crate::unit::Unit> {
        self.0.find(tenant, who).unwrap()
    }
}

/// Does something in a task of its own, so that it is not dropped with the one who asked for it.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move { drop(tell.send(work.await)) });
    told.await.unwrap_or_else(|_| Err(internal("the request broke off", &"its task is gone")))
}

/// Does something that blocks.
async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(what, &error))?
}
