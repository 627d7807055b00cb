//! Back to what ran before: what is under way is taken back, and what was done last is undone.

use std::path::Path;
use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentRef, Operation, OperationKind, OperationState, Refusal, RefusalCode, TenantName,
};
use wasm_roles_fabric::upgrade::UpgradeError;
use wasm_roles_fabric::virtual_network::Network;
use wasm_roles_fabric::{Clock, Published};
use wasm_roles_service_plan::{Placement, Plan, in_place};

use super::update::{self, Change, admit, intend, publication, running, settle};
use super::upgrade::{self, Step, forget_revision, not_in_place, save_addresses};
use super::{Controller, apart, blocking};
use crate::launch::{self, Defaults};
use crate::operations::{End, Running};
use crate::package::Package;
use crate::record::{Begun, Target, Undoes};
use crate::sources::Sources;
use crate::unit::{Claim, Concern, Seen};
use crate::walks::Walk;

impl Controller {
    /// Goes back to what ran before the last update, scaling or upgrade. One that runs is ended and taken back.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::WrongState`] when there is nothing to go back to, [`RefusalCode::NotInPlace`] when there is no way back in
    /// place. Then nothing has changed.
    pub async fn rollback(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<Operation, Refusal> {
        let (host, tenant, who) = (Arc::clone(&self.0), tenant.clone(), who.clone());
        apart(async move {
            let runs = host.find(&tenant, &who)?.operation();
            let claim = super::claim(&host, &tenant, &who, OperationKind::Rollback).await?;
            begin(claim, runs.as_deref()).await
        })
        .await
    }
}

/// `runs`: what ran when somebody asked.
pub(super) async fn begin(mut claim: Claim, runs: Option<&Running>) -> Result<Operation, Refusal> {
    let (seen, record) = running(&claim)?;
    // What was broken off, for this or before, stands in the record.
    if let Some(begun) = record.begun.clone() {
        let Begun { kind, target, undoes, .. } = begun;
        let broken_off = undoes.unwrap_or(Undoes { kind, target });
        intend(&claim, &record, None).await?;
        let begun = claim.begin();
        tokio::spawn(async move {
            match broken_off.kind {
                OperationKind::Upgrade => take_back_upgrade(claim, seen, broken_off.target).await,
                _ => take_back_change(claim, seen).await,
            }
        });
        return Ok(begun);
    }
    // Whoever ends an upgrade whose package still arrives does not want what was there before the one before.
    if runs.is_some_and(|runs| may_be_taken_back(runs.kind) && runs.now().state != OperationState::Done) {
        claim.begin();
        let operation = Arc::clone(&claim.operation);
        claim.end(End::done("it had changed nothing yet"));
        return Ok(operation.now());
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
    let kept = claim.unit.folder.as_ref().ok_or_else(super::start::nothing_kept)?;
    let (folder, data_folder) = (kept.revision(previous.revision), kept.data());
    let (defaults, clock) = (claim.host.defaults_of(&claim.unit.tenant), claim.host.clock());
    let mut step = blocking("the package cannot be read", move || {
        back_by_upgrade(&seen, &previous, &Package::open(folder)?, (&defaults, &data_folder, clock))
    })
    .await?;
    if let Some(options) = &step.options {
        step.upgrade.publication = publication(&claim, &step.plan, options).await;
    }
    admit(&claim, &step.plan)?;
    intend(&claim, &record, Some(step.target.clone())).await?;
    let begun = claim.begin();
    tokio::spawn(upgrade::run(claim, step));
    Ok(begun)
}

const fn may_be_taken_back(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Update | OperationKind::Scale | OperationKind::Upgrade)
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
fn back_by_upgrade(
    seen: &Seen,
    previous: &Target,
    package: &Package,
    (defaults, data_folder, clock): (&Defaults, &Path, Clock),
) -> Result<Step, Refusal> {
    let sources = Sources::of(package)?;
    let (model, _) = sources.model(previous.configuration.as_ref(), &previous.counts)?;
    let plan = Arc::new(sources.plan_after(&seen.plan, &model)?);
    in_place(&seen.plan, &plan).map_err(|against| not_in_place(&against))?;
    let upgrade = launch::upgrade(&plan, package, defaults, (data_folder, clock))?;
    let target = Target { placement: Placement::of(&plan), ..previous.clone() };
    let rules = launch::host_rules(&package.manifest().options)?;
    let options = Some(package.manifest().options.clone());
    Ok(Step { target, plan, sources: Arc::new(sources), upgrade, rules, options, previous: None })
}

/// A change of the configuration that was ended half-way: those who have what is new get what was there before.
async fn take_back_change(claim: Claim, seen: Seen) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(End::failed(unit.does_not_run()));
    };
    // Ports that were closed already open again where the slot has them.
    if let Some(options) = &seen.options
        && let Some(publication) = publication(&claim, &seen.plan, options).await
    {
        running.deployment.set_publication(publication);
    }
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
async fn take_back_upgrade(claim: Claim, seen: Seen, target: Option<Target>) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(End::failed(unit.does_not_run()));
    };
    claim.operation.walks(Walk::new(seen.walk.clone(), &seen.plan));
    let back = tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        back = running.deployment.roll_back() => Ok(back),
    };
    let (published, plan) = (running.deployment.published().to_vec(), Arc::clone(running.deployment.plan()));
    let network = running.deployment.network().clone();
    drop(alive);
    match (back, target) {
        (Err(why), _) => claim.end(End::interrupted(why, "some instances had the new components")),
        // It was ended behind its last upgrade domain: the fabric has finished it, and there was nothing left to take back.
        (Ok(Err(UpgradeError::NothingBegun)), Some(target)) if !Arc::ptr_eq(&plan, &seen.plan) => {
            finished_after_all(claim, (&published, &network), &plan, target).await;
        }
        // Or before anything had changed.
        (Ok(Ok(_) | Err(UpgradeError::NothingBegun)), target) => {
            network.set_host_rules(seen.rules);
            let revision = target.map(|target| target.revision);
            if let Some(revision) = revision.filter(|revision| *revision != unit.revision()) {
                forget_revision(&unit, revision).await;
            }
            done(claim, &published, &plan).await;
        }
        (Ok(Err(error)), _) => claim.end(End::failed(upgrade::refused(&error))),
    }
}

/// What was to be taken back is what runs.
async fn finished_after_all(
    claim: Claim,
    (published, network): (&[Published], &Network),
    plan: &Arc<Plan>,
    target: Target,
) {
    let unit = &claim.unit;
    let folder = unit.folder.as_ref().map(|folder| folder.revision(target.revision));
    let read = blocking("the package cannot be read", move || {
        let package = Package::open(folder.ok_or_else(super::start::nothing_kept)?)?;
        let options = package.manifest().options.clone();
        Ok((Arc::new(Sources::of(&package)?), launch::host_rules(&options)?, options))
    });
    match read.await {
        Ok((sources, rules, options)) => {
            // Until now either package could have what the other one was granted.
            network.set_host_rules(rules.clone());
            unit.look(|seen| (seen.sources, seen.rules, seen.options) = (sources, rules, Some(options)));
        }
        Err(refusal) => unit.notes(Concern::Package, &Err(refusal)),
    }
    let before = unit.record().map(|record| {
        let is_written = record.current.revision == target.revision;
        if is_written { record.previous } else { Some(record.current) }
    });
    save_addresses(&claim, published).await;
    settle(&claim, plan, Some((target, before.flatten()))).await;
    let message = "the upgrade had walked its last upgrade domain, and is done";
    let failure = Refusal::new(RefusalCode::WrongState, message);
    claim.end(End::failed(failure.hint("roll back once more to go back to what ran before it")));
}

async fn done(claim: Claim, published: &[Published], plan: &Arc<Plan>) {
    save_addresses(&claim, published).await;
    settle(&claim, plan, None).await;
    claim.end(End::done("what ran before runs again"));
}
