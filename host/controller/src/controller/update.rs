//! Another configuration, or other numbers of instances.
//!
//! What it shall become is on the disk before anybody is told of it: a host that is killed half-way starts everything with what
//! is new, and a change that was not begun there has not been begun.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasm_roles_control_interface::package::DeployOptions;
use wasm_roles_control_interface::{
    DeploymentRef, Detail, Operation, OperationKind, Refusal, RefusalCode, ScaleRequest, TenantName,
    UpdateRequest,
};
use wasm_roles_fabric::Publication;
use wasm_roles_fabric::change::{Arrival, ChangeError, ChangeSummary, Reaction};
use wasm_roles_service_plan::{InstanceId, Placement, Plan, plan_after_removing};

use super::named::{INSTANCE, Known, bounded};
use super::start::configuration_name;
use super::upgrade::{forget_revision, obsolete, save_addresses};
use super::{Controller, apart, blocking};
use crate::launch;
use crate::operations::{End, GiveUp};
use crate::record::{Begun, Configuration, DeploymentRecord, Target, Undoes};
use crate::sources::no_plan;
use crate::tenants::Demand;
use crate::unit::{Claim, Seen};
use crate::walks::Walk;

/// Bytes of a configuration's name: those that file systems give a file.
const LONGEST_NAME: usize = 255;

impl Controller {
    /// Changes the configuration of a deployment that runs.
    ///
    /// # Errors
    ///
    /// A configuration with errors, caps of the tenant, another operation that runs. Then nothing has changed.
    pub async fn update(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: UpdateRequest,
    ) -> Result<Operation, Refusal> {
        let UpdateRequest { name, configuration: text } = request;
        // It is kept, and stands in every diagnostic.
        if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            let message = "the name of the configuration is none: it is too long or has control characters";
            let refusal = Refusal::new(RefusalCode::BadRequest, message);
            return Err(refusal.hint(format!("send the name of its file, at most {LONGEST_NAME} bytes")));
        }
        let wanted = Wanted::Configuration(Configuration { name, text });
        self.change(tenant, who, OperationKind::Update, wanted).await
    }

    /// Changes how many instances roles have.
    ///
    /// # Errors
    ///
    /// Roles and instances that there are not, and as [`update`](Self::update).
    pub async fn scale(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: ScaleRequest,
    ) -> Result<Operation, Refusal> {
        self.change(tenant, who, OperationKind::Scale, Wanted::Counts(request)).await
    }

    async fn change(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        kind: OperationKind,
        wanted: Wanted,
    ) -> Result<Operation, Refusal> {
        let (host, tenant, who) = (Arc::clone(&self.0), tenant.clone(), who.clone());
        apart(async move { begin(super::claim(&host, &tenant, &who, kind).await?, wanted).await }).await
    }
}

/// What is asked for.
pub(super) enum Wanted {
    Configuration(Configuration),
    Counts(ScaleRequest),
}

/// A configuration that was found good, and how to have it.
pub(crate) struct Change {
    pub(crate) target: Target,
    pub(crate) plan: Arc<Plan>,
    /// What a roll-back goes back to from then on.
    pub(crate) previous: Option<Target>,
}

/// What runs, for those who change it.
pub(crate) fn running(claim: &Claim) -> Result<(Seen, DeploymentRecord), Refusal> {
    let gone = || claim.unit.does_not_run();
    let (seen, record) = (claim.unit.seen().ok_or_else(gone)?, claim.unit.record().ok_or_else(gone)?);
    // Instances are somewhere in between, and what is begun now would forget it.
    if let (Some(begun), true) = (&record.begun, claim.operation.kind != OperationKind::Rollback) {
        let message = format!("the {} {} was broken off half-way", begun.kind, begun.id);
        let refusal = Refusal::new(RefusalCode::WrongState, message);
        return Err(refusal.hint("take it back with `rollback` first"));
    }
    Ok((seen, record))
}

pub(super) async fn begin(mut claim: Claim, wanted: Wanted) -> Result<Operation, Refusal> {
    let (seen, record) = running(&claim)?;
    let before = record.current.clone();
    let change = blocking("the configuration cannot be read", move || decide(&seen, &before, wanted)).await?;
    admit(&claim, &change.plan)?;
    intend(&claim, &record, Some(change.target.clone())).await?;
    let begun = claim.begin();
    tokio::spawn(run(claim, change));
    Ok(begun)
}

/// What it becomes. It blocks, for a moment.
fn decide(seen: &Seen, before: &Target, wanted: Wanted) -> Result<Change, Refusal> {
    let sources = &seen.sources;
    let (configuration, counts, removed) = match wanted {
        // The counts are the new configuration's own.
        Wanted::Configuration(new) => (Some(new), BTreeMap::new(), BTreeSet::new()),
        Wanted::Counts(request) => {
            let (counts, removed) = scaled(&seen.plan, &request)?;
            let mut all = before.counts.clone();
            all.extend(counts);
            (before.configuration.clone(), all, removed)
        }
    };
    let (model, _) = sources.model(configuration.as_ref(), &counts)?;
    let plan = if removed.is_empty() {
        sources.plan_after(&seen.plan, &model)?
    } else {
        sources.finish(plan_after_removing(&seen.plan, &model, &removed).map_err(no_plan)?)?
    };
    let placement = Placement::of(&plan);
    let target = Target { revision: before.revision, configuration, counts, placement };
    Ok(Change { target, plan: Arc::new(plan), previous: Some(before.clone()) })
}

/// How many instances each role shall have, and which go first.
fn scaled(
    plan: &Plan,
    request: &ScaleRequest,
) -> Result<(BTreeMap<String, u32>, BTreeSet<InstanceId>), Refusal> {
    bounded(request.roles.len().saturating_add(request.remove.len()))?;
    let known = Known::of(plan);
    let wanted: BTreeSet<&str> = request.remove.iter().map(String::as_str).collect();
    let roles = request.roles.keys().map(String::as_str).filter(|role| !known.roles.contains(role));
    let instances = wanted.iter().copied().filter(|instance| !known.instances.contains(instance));
    let unknown = roles.map(|role| ("role", role)).chain(instances.map(|instance| (INSTANCE, instance)));
    known.refuse(&unknown.collect::<Vec<_>>())?;
    let (mut removed, mut leaving) = (BTreeSet::new(), BTreeMap::<&str, u32>::new());
    for instance in plan.instances.iter().filter(|instance| wanted.contains(instance.id.as_str())) {
        removed.insert(instance.id.clone());
        *leaving.entry(instance.role.as_str()).or_default() += 1;
    }
    let mut counts = request.roles.clone();
    for (role, leaving) in leaving {
        let now = plan.instances.iter().filter(|instance| instance.role.as_str() == role).count();
        let left = u32::try_from(now).unwrap_or(u32::MAX).saturating_sub(leaving);
        let wanted = *counts.entry(role.to_owned()).or_insert(left);
        if wanted != left {
            let message = format!(
                "{leaving} instances of {role} shall go, which leaves {left}, and {wanted} shall be left"
            );
            let hint = "name the instances that go, or how many there shall be, or both if they agree";
            return Err(Refusal::new(RefusalCode::BadRequest, message).hint(hint));
        }
    }
    if counts.is_empty() {
        let refusal = Refusal::new(RefusalCode::BadRequest, "nothing is asked for");
        return Err(refusal.hint("say how many instances a role shall have, or which one shall go"));
    }
    Ok((counts, removed))
}

/// Until it is over, it counts as what it was and as what it becomes.
pub(crate) fn admit(claim: &Claim, plan: &Plan) -> Result<(), Refusal> {
    let unit = &claim.unit;
    claim.host.admit(unit, unit.demand().or(Demand::of(plan)))
}

/// Writes down what the operation leads to.
pub(crate) async fn intend(
    claim: &Claim,
    record: &DeploymentRecord,
    target: Option<Target>,
) -> Result<(), Refusal> {
    let (unit, operation) = (&claim.unit, &claim.operation);
    // A roll-back that is broken off in its turn still knows what it takes back.
    let undoes = record.begun.as_ref().and_then(|broken_off| {
        let Begun { kind, target, undoes, .. } = broken_off.clone();
        undoes.or(Some(Undoes { kind, target }))
    });
    let begun = Begun { id: operation.id, kind: operation.kind, at: operation.begun, target, undoes };
    let intended = unit.save(DeploymentRecord { begun: Some(begun), ..record.clone() }).await;
    if intended.is_err()
        && let Some(seen) = unit.seen()
    {
        unit.set_demand(Demand::of(&seen.plan));
    }
    intended?;
    claim.host.failpoint.reach("change: intended").await;
    Ok(())
}

/// Makes the change, until it shall give up.
pub(crate) async fn run(claim: Claim, change: Change) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(End::failed(unit.does_not_run()));
    };
    unit.look(|seen| seen.next = Some(Arc::clone(&change.plan)));
    if let Some(options) = unit.seen().and_then(|seen| seen.options)
        && let Some(publication) = publication(&claim, &change.plan, &options).await
    {
        running.deployment.set_publication(publication);
    }
    if let Some(seen) = unit.seen() {
        claim.operation.walks(Walk::new(seen.walk, &change.plan));
    }
    let changed = tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        changed = running.deployment.change(Arc::clone(&change.plan)) => Ok(changed),
    };
    match changed {
        // What runs is somewhere between the two, and the record says what it leads to.
        Err(why) => {
            drop(alive);
            let there = match why {
                GiveUp::HostStops => "it is finished when the host is started again",
                GiveUp::For(_) => "some instances had the new configuration",
            };
            claim.end(End::interrupted(why, there));
        }
        Ok(Err(error)) => {
            let before = Arc::clone(running.deployment.plan());
            drop(alive);
            settle(&claim, &before, None).await;
            claim.end(End::failed(refused(&error)));
        }
        Ok(Ok(summary)) => {
            let published = running.deployment.published().to_vec();
            drop(alive);
            claim.host.failpoint.reach("change: made").await;
            save_addresses(&claim, &published).await;
            let message = in_words(&summary);
            let obsolete = obsolete(&unit, &change.target, change.previous.as_ref());
            if settle(&claim, &change.plan, Some((change.target, change.previous))).await {
                for revision in obsolete {
                    forget_revision(&unit, revision).await;
                }
            }
            claim.end(End::done(message));
        }
    }
}

/// Where the public ports of a plan listen: as its package and its slot say.
pub(crate) async fn publication(claim: &Claim, plan: &Plan, options: &DeployOptions) -> Option<Publication> {
    let (host, unit) = (&claim.host, &claim.unit);
    let service = host.service(&unit.tenant, &unit.service).ok()?;
    let published = service.record().await.slot(unit.slot()).as_ref().map(|slot| slot.published.clone());
    let defaults = host.defaults_of(&unit.tenant);
    Some(launch::publication(plan, options, &defaults, unit.slot(), &published.unwrap_or_default()))
}

/// The operation is over, and this runs now.
///
/// Tells whether that is on the disk: if not, nothing may be removed that a host needs for what is there.
pub(crate) async fn settle(
    claim: &Claim,
    plan: &Arc<Plan>,
    became: Option<(Target, Option<Target>)>,
) -> bool {
    let unit = &claim.unit;
    if let (Some((target, _)), Some(seen)) = (&became, unit.seen()) {
        let configuration = configuration_name(&seen.sources, target);
        unit.look(|seen| seen.configuration = configuration);
    }
    unit.look(|seen| (seen.plan, seen.next) = (Arc::clone(plan), None));
    unit.set_demand(Demand::of(plan));
    let ids: BTreeSet<&str> = plan.instances.iter().map(|instance| instance.id.as_str()).collect();
    let own = claim.operation.id;
    // A host that is started before it can be written finds what was begun.
    let saved = unit
        .keep_with(|record| {
            record.begun = record.begun.take().filter(|begun| begun.id != own);
            record.held.retain(|instance| ids.contains(instance.as_str()));
            if let Some((target, previous)) = became {
                (record.current, record.previous) = (target, previous);
            }
        })
        .await;
    if let Some(record) = unit.record() {
        unit.holds(record.held);
    }
    saved.is_ok()
}

/// Why a configuration cannot be had, in the interface's words.
pub(crate) fn refused(error: &ChangeError) -> Refusal {
    let details = |errors: &[String]| errors.iter().map(Detail::new).collect::<Vec<_>>();
    let (code, details) = match error {
        ChangeError::Publish { errors } => {
            let errors = errors.iter().map(|error| Detail::new(error.to_string()).hint(error.hint()));
            (RefusalCode::PortTaken, errors.collect())
        }
        ChangeError::Certificates { errors } => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            (RefusalCode::CannotStart, details(&errors))
        }
        ChangeError::TlsMoves { .. } | ChangeError::Limits { .. } | ChangeError::Definition => {
            (RefusalCode::NotInPlace, Vec::new())
        }
        _ => (RefusalCode::CannotStart, Vec::new()),
    };
    Refusal::new(code, format!("nothing was changed: {error}")).details(details)
}

/// How the instances took it, in one sentence.
fn in_words(summary: &ChangeSummary) -> String {
    let took = |wanted: fn(&Reaction) -> bool| {
        summary.instances.iter().filter(|(_, reaction)| wanted(reaction)).count()
    };
    let late = took(|reaction| matches!(reaction, Reaction::NotReadyAgain))
        + summary.added.iter().filter(|(_, arrival)| *arrival == Arrival::NotReadyYet).count();
    let counts = [
        (took(|reaction| matches!(reaction, Reaction::Changed { .. })), "changed"),
        (took(|reaction| matches!(reaction, Reaction::Recycled)), "recycled"),
        (summary.added.len(), "added"),
        (summary.removed.len(), "removed"),
        (late, "not Ready yet"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if parts.is_empty() {
        "no instance is concerned".to_owned()
    } else {
        format!("instances: {}", parts.join(", "))
    }
}
