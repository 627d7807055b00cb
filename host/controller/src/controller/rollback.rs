//! Back to what ran before: what is under way is taken back, and what was done last is undone.

use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentRef, Operation, OperationKind, Refusal, RefusalCode, TenantName,
};
use wasm_roles_fabric::upgrade::{Upgrade, UpgradeError};
use wasm_roles_service_plan::{Placement, Plan, in_place};

use super::update::{self, Change, admit, intend, running, settle};
use super::upgrade::{self, Step, forget_revision, not_in_place, save_addresses};
use super::{Controller, apart, blocking};
use crate::launch;
use crate::operations::End;
use crate::package::Package;
use crate::record::Target;
use crate::sources::Sources;
use crate::unit::{Claim, Seen};
use crate::walks::Walk;

impl Controller {
    /// Goes back to what ran before the last update, scaling or upgrade. One that runs is ended and taken back.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::WrongState`] when there is nothing to go back to, [`RefusalCode::NotInPlace`] when there is no way back in
    /// place. Then nothing has changed.
    pub async fn rollback(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<Operation, Refusal> {
        let (host, unit) = (Arc::clone(&self.0), self.0.find(tenant, who)?);
        apart(async move { begin(unit.claim(&host, OperationKind::Rollback).await?).await }).await
    }
}

async fn begin(mut claim: Claim) -> Result<Operation, Refusal> {
    let (seen, record) = running(&claim)?;
    // What was interrupted for this stands in the record.
    if let Some(interrupted) = record.begun.clone() {
        intend(&claim, &record, None).await?;
        let begun = claim.begin();
        let revision = interrupted.target.map(|target| target.revision).unwrap_or_default();
        tokio::spawn(async move {
            match interrupted.kind {
                OperationKind::Upgrade => take_back_upgrade(claim, seen, revision).await,
                _ => take_back_change(claim, seen).await,
            }
        });
        return Ok(begun);
    }
    let Some(previous) = record.previous.clone() else {
        let message = format!("there is nothing that {} could go back to", claim.unit.who());
        let hint = "only the last update, scaling or upgrade can be undone, and only once";
        return Err(Refusal::new(RefusalCode::WrongState, message).hint(hint));
    };
    if previous.revision == record.current.revision {
        let change = blocking("the configuration cannot be read", move || back(&seen, &previous)).await?;
        admit(&claim, &change.plan)?;
        intend(&claim, &record, Some(change.target.clone())).await?;
        let begun = claim.begin();
        tokio::spawn(update::run(claim, change));
        return Ok(begun);
    }
    let folder = claim.unit.folder.as_ref().map(|folder| folder.revision(previous.revision));
    let folder = folder.ok_or_else(super::start::nothing_kept)?;
    let step = blocking("the package cannot be read", move || {
        back_by_upgrade(&seen, &previous, Package::open(folder)?)
    })
    .await?;
    admit(&claim, &step.plan)?;
    intend(&claim, &record, Some(step.target.clone())).await?;
    let begun = claim.begin();
    tokio::spawn(upgrade::run(claim, step));
    Ok(begun)
}

/// The configuration before, as a change of what runs.
fn back(seen: &Seen, previous: &Target) -> Result<Change, Refusal> {
    let sources = &seen.sources;
    let (model, _) = sources.model(previous.configuration.as_ref(), &previous.counts)?;
    let plan = sources.plan_after(&seen.plan, &model)?;
    let target = Target { placement: Placement::of(&plan), ..previous.clone() };
    Ok(Change { target, plan: Arc::new(plan), previous: None })
}

/// The package before, as an upgrade of what runs.
fn back_by_upgrade(seen: &Seen, previous: &Target, package: Package) -> Result<Step, Refusal> {
    let sources = Sources::of(&package)?;
    let (model, _) = sources.model(previous.configuration.as_ref(), &previous.counts)?;
    let plan = Arc::new(sources.plan_after(&seen.plan, &model)?);
    in_place(&seen.plan, &plan).map_err(|against| not_in_place(&against))?;
    let upgrade = Upgrade::new(Arc::clone(&plan), launch::approots(&package)?);
    let target = Target { placement: Placement::of(&plan), ..previous.clone() };
    let rules = launch::host_rules(&package.manifest().options)?;
    Ok(Step { target, plan, sources: Arc::new(sources), upgrade, rules, previous: None })
}

/// A change of the configuration that was ended half-way: those who have what is new get what was there before.
async fn take_back_change(claim: Claim, seen: Seen) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(not_running(&unit.who()));
    };
    claim.operation.walks(Walk::new(seen.walk, &seen.plan));
    let back = tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        back = running.deployment.change(Arc::clone(&seen.plan)) => Ok(back),
    };
    let published = running.deployment.published().to_vec();
    drop(alive);
    match back {
        Err(why) => claim.end(End::interrupted(why, "some instances had what is new")),
        Ok(Err(error)) => claim.end(End::failed(update::refused(&error))),
        Ok(Ok(_)) => done(claim, &published, &seen.plan).await,
    }
}

/// An upgrade that was ended half-way.
async fn take_back_upgrade(claim: Claim, seen: Seen, revision: u64) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(not_running(&unit.who()));
    };
    claim.operation.walks(Walk::new(seen.walk, &seen.plan));
    let back = tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        back = running.deployment.roll_back() => Ok(back),
    };
    let (published, plan) = (running.deployment.published().to_vec(), Arc::clone(running.deployment.plan()));
    running.deployment.network().set_host_rules(seen.rules);
    drop(alive);
    match back {
        Err(why) => claim.end(End::interrupted(why, "some instances had the new components")),
        // It was interrupted before anything had changed.
        Ok(Ok(_) | Err(UpgradeError::NothingBegun)) => {
            forget_revision(&unit, revision).await;
            done(claim, &published, &plan).await;
        }
        Ok(Err(error)) => claim.end(End::failed(upgrade::refused(&error))),
    }
}

async fn done(claim: Claim, published: &[wasm_roles_fabric::Published], plan: &Arc<Plan>) {
    save_addresses(&claim.host, &claim.unit, published, &claim).await;
    settle(&claim, plan, None).await;
    claim.end(End::done("what ran before runs again"));
}

fn not_running(who: &DeploymentRef) -> End {
    End::failed(Refusal::new(RefusalCode::WrongState, format!("{who} does not run")))
}
