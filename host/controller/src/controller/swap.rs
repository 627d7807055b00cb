//! The slots of a service exchange their deployments: the addresses stay with the slots.
//!
//! On the disk it is one replacement of `service.json`, and it is made before the sockets change: a host that is killed in between
//! comes back swapped.

use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentRef, Detail, Operation, OperationKind, Refusal, RefusalCode, ServiceName, Slot, TenantName,
};
use wasm_roles_fabric::swap::EndpointSide;
use wasm_roles_fabric::{Exchange, SwapError};

use super::update::running;
use super::{Controller, apart};
use crate::host::Host;
use crate::operations::End;
use crate::service::Service;
use crate::unit::Unit;

impl Controller {
    /// Exchanges production and staging. It is done when this returns.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::EndpointsDiffer`], a slot that is empty, an operation that runs. Then nothing has changed.
    pub async fn swap(&self, tenant: &TenantName, service: &ServiceName) -> Result<Operation, Refusal> {
        let (host, service) = (Arc::clone(&self.0), self.0.service(tenant, service)?);
        let in_slot = |slot: Slot| {
            service.unit(slot).ok_or_else(|| {
                let message =
                    format!("the {slot} slot of {} is empty: there is nothing to swap", service.name);
                let who = DeploymentRef::new(service.name.clone(), slot);
                Refusal::new(RefusalCode::WrongState, message).hint(format!("deploy to {who} first"))
            })
        };
        let units = (in_slot(Slot::Production)?, in_slot(Slot::Staging)?);
        apart(async move { exchange(host, service, units).await }).await
    }
}

async fn exchange(
    host: Arc<Host>,
    service: Arc<Service>,
    (production, staging): (Arc<Unit>, Arc<Unit>),
) -> Result<Operation, Refusal> {
    let mut claim = production.claim(&host, OperationKind::Swap).await?;
    let other = staging.claim_for(&host, &claim.operation).await?;
    // Others may have waited for the same operations, and come first.
    let still = |unit: &Unit, slot: Slot| unit.slot() == slot && !*unit.gone().borrow();
    if !still(&production, Slot::Production) || !still(&staging, Slot::Staging) {
        let message = format!("the slots of {} have changed meanwhile", service.name);
        return Err(Refusal::new(RefusalCode::WrongState, message).hint("look at them, and ask again"));
    }
    running(&claim)?;
    running(&other)?;
    let (mut first, mut second) = (production.alive.lock().await, staging.alive.lock().await);
    let (Some(ours), Some(theirs)) = (first.as_mut(), second.as_mut()) else {
        let stopped = if first.is_none() { &production } else { &staging };
        return Err(stopped.does_not_run());
    };
    let exchange =
        Exchange::between(&mut ours.deployment, &mut theirs.deployment).map_err(|error| no_swap(&error))?;
    service.save(|record| record.swap()).await?;
    host.failpoint.reach("swap: recorded").await;
    let _ = exchange.make();
    production.publishes(ours.deployment.published());
    staging.publishes(theirs.deployment.published());
    service.swap();
    drop((first, second));
    claim.begin();
    let operation = Arc::clone(&claim.operation);
    other.release();
    claim.end(End::done("what was in staging is in production now, and the other way round"));
    Ok(operation.now())
}

fn no_swap(error: &SwapError) -> Refusal {
    let differences = match error {
        SwapError::EndpointsDiffer { differences } => differences.as_slice(),
        other => return Refusal::new(RefusalCode::WrongState, other.to_string()).hint(other.hint()),
    };
    let in_words =
        |side: &Option<EndpointSide>| side.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let details = differences.iter().map(|difference| {
        let detail = Detail::new(difference.to_string());
        let detail =
            detail.subject(format!("{}/{}", difference.port, difference.transport).to_ascii_lowercase());
        detail.instead_of(in_words(&difference.first), in_words(&difference.second))
    });
    Refusal::new(RefusalCode::EndpointsDiffer, "the public endpoints of production and staging differ")
        .hint(error.hint())
        .details(details)
}
