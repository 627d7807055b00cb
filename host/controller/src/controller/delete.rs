//! A deployment goes. Its record says so before anything stops: whatever happens then, it does not come back.

use std::sync::Arc;

use wasm_roles_control_interface::{DeploymentRef, Operation, OperationKind, Refusal, Slot, TenantName};
use wasm_roles_fabric::remove_tree;

use super::{Controller, apart};
use crate::operations::End;
use crate::record::{Begun, DeploymentRecord};
use crate::service::Service;
use crate::unit::{Claim, Phase};

impl Controller {
    /// Stops a deployment, and removes all that it has. Ends whatever operation runs.
    ///
    /// # Errors
    ///
    /// There is none, or its record cannot be read: nobody knows then what would be removed.
    pub async fn delete(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<Operation, Refusal> {
        let (host, service) = (Arc::clone(&self.0), self.0.service(tenant, &who.service)?);
        let (tenant, who) = (tenant.clone(), who.clone());
        apart(async move {
            let mut claim = super::claim(&host, &tenant, &who, OperationKind::Delete).await?;
            if *claim.unit.gone().borrow() {
                // The deploy that was ended for this has left nothing.
                let operation = Arc::clone(&claim.operation);
                claim.begin();
                claim.end(End::done("it is gone"));
                return Ok(operation.now());
            }
            begin(claim, service).await
        })
        .await
    }
}

async fn begin(mut claim: Claim, service: Arc<Service>) -> Result<Operation, Refusal> {
    let (unit, operation) = (&claim.unit, &claim.operation);
    // From here on it does not come back, whatever is in which slot.
    if let Some(record) = unit.record() {
        let (id, kind, at) = (operation.id, operation.kind, operation.begun);
        let begun = Begun { id, kind, at, target: None, undoes: None };
        unit.save(DeploymentRecord { begun: Some(begun), ..record }).await?;
    }
    claim.host.failpoint.reach("delete: intended").await;
    service
        .save(|record| {
            for slot in Slot::ALL {
                let slot = record.slot_mut(slot);
                if slot.as_ref().is_some_and(|there| there.deployment == unit.id) {
                    *slot = None;
                }
            }
        })
        .await?;
    claim.host.failpoint.reach("delete: out of its slot").await;
    unit.enters(Phase::Deleting);
    claim.operation.says("stops all instances");
    let begun = claim.begin();
    tokio::spawn(run(claim, service));
    Ok(begun)
}

async fn run(claim: Claim, service: Arc<Service>) {
    let (host, unit) = (Arc::clone(&claim.host), Arc::clone(&claim.unit));
    let alive = unit.alive.lock().await.take();
    let mut cut_off = 0;
    if let Some(alive) = alive {
        // A host that stops waits for nobody's last words.
        let summary = alive
            .deployment
            .stop_unless(async {
                claim.operation.given_up().await;
            })
            .await;
        cut_off = summary.cut_off().count();
        unit.hears_the_rest().await;
    }
    let mut left = None;
    if let Some(folder) = unit.folder.clone() {
        let removing = tokio::task::spawn_blocking(move || remove_tree(folder.path()));
        left = removing.await.ok().and_then(Result::err);
    }
    host.has_no_problem(&unit.tenant, &unit.who().to_string());
    service.vacate(&unit);
    // Whoever hears that it is gone finds nothing of it.
    service.tidy().await;
    let end = match (left, cut_off) {
        (Some(error), _) => {
            End::done(format!("it is gone; files are left until the host is started again: {error}"))
        }
        (None, 0) => End::done("it is gone"),
        (None, cut_off) => End::done(format!("it is gone; {cut_off} instances were cut off")),
    };
    claim.end(end);
    unit.goes();
    host.forget_if_empty(&service.tenant, &service.name);
}
