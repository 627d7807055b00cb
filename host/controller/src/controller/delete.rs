//! A deployment goes. Its record says so before anything stops: whatever happens then, it does not come back.

use std::io;
use std::sync::Arc;

use wasm_roles_control_interface::{DeploymentRef, Operation, OperationKind, Refusal, Slot, TenantName};
use wasm_roles_fabric::remove_tree;

use super::{Controller, apart};
use crate::operations::End;
use crate::record::{Begun, DeploymentRecord, ServiceRecord};
use crate::service::Service;
use crate::unit::{Claim, Phase, Unit};

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
    let recorded = unit.record();
    let is_recorded = recorded.is_some();
    if let Some(record) = recorded {
        let (id, kind, at) = (operation.id, operation.kind, operation.begun);
        let begun = Begun { id, kind, at, target: None, undoes: None };
        unit.save_deleted(DeploymentRecord { begun: Some(begun), ..record }).await?;
    }
    claim.host.failpoint.reach("delete: intended").await;
    let out = leave(&service, unit).await;
    if !is_recorded {
        out.clone()?;
    }
    claim.host.failpoint.reach("delete: out of its slot").await;
    unit.enters(Phase::Deleting);
    claim.operation.says("stops all instances");
    let begun = claim.begin();
    tokio::spawn(run(claim, service, out));
    Ok(begun)
}

/// Takes it out of the slots that are on the disk.
async fn leave(service: &Service, unit: &Unit) -> Result<(), Refusal> {
    let leaves = |record: &mut ServiceRecord| {
        for slot in Slot::ALL {
            let slot = record.slot_mut(slot);
            if slot.as_ref().is_some_and(|there| there.deployment == unit.id) {
                *slot = None;
            }
        }
    };
    service.save(leaves).await
}

/// `out`: whether it is out of its slot on the disk. If there was no room for that, there is when its files are gone.
async fn run(claim: Claim, service: Arc<Service>, out: Result<(), Refusal>) {
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
    let removed = remove(&service, &unit, out).await;
    host.has_no_problem(&unit.tenant, &unit.who().to_string());
    service.vacate(&unit);
    // Whoever hears that it is gone finds nothing of it.
    host.tidy(&service).await;
    let end = match (removed, cut_off) {
        (Err(reason), _) => {
            End::done(format!("it is gone; files are left until the host is started again: {reason}"))
        }
        (Ok(()), 0) => End::done("it is gone"),
        (Ok(()), cut_off) => End::done(format!("it is gone; {cut_off} instances were cut off")),
    };
    claim.end(end);
    unit.goes();
}

/// Removes what it has on the disk. What says that it was deleted goes last, and stays as long as it is in a slot there.
async fn remove(service: &Service, unit: &Unit, out: Result<(), Refusal>) -> Result<(), String> {
    let Some(folder) = unit.folder.clone() else { return Ok(()) };
    let large = [folder.data(), folder.revisions()];
    let gone = apart_from_others(move || large.iter().try_for_each(|folder| remove_tree(folder))).await;
    if out.is_err() {
        leave(service, unit).await.map_err(|refusal| refusal.message)?;
    }
    gone?;
    apart_from_others(move || remove_tree(folder.path())).await
}

async fn apart_from_others(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), String> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}
