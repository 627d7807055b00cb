//! Orders to single instances: recycle, stop, start.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentRef, Operation, OperationKind, Refusal, RefusalCode, TargetRequest, TenantName,
};
use wasm_roles_fabric::change::{Arrival, Reaction};
use wasm_roles_fabric::{Deployment, OrderError};
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance};

use super::named::{Known, bounded};
use super::update::{intend, running, settle};
use super::{Controller, apart, recover};
use crate::operations::{End, GiveUp};
use crate::unit::{Claim, Phase};

impl Controller {
    /// Recycles instances: they stop and start again, one upgrade domain after the other.
    ///
    /// # Errors
    ///
    /// Roles and instances that there are not, or that are stopped; another operation that runs. Then nothing was done.
    pub async fn recycle(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: TargetRequest,
    ) -> Result<Operation, Refusal> {
        self.order(tenant, who, OperationKind::Recycle, request).await
    }

    /// Stops instances until they are started by order.
    ///
    /// # Errors
    ///
    /// As [`recycle`](Self::recycle).
    pub async fn stop(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: TargetRequest,
    ) -> Result<Operation, Refusal> {
        self.order(tenant, who, OperationKind::Stop, request).await
    }

    /// Starts instances that were stopped by order; or a deployment that could not be brought back, once more.
    ///
    /// # Errors
    ///
    /// As [`recycle`](Self::recycle), for what is not stopped.
    pub async fn start(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: TargetRequest,
    ) -> Result<Operation, Refusal> {
        if !matches!(self.0.find(tenant, who)?.phase(), Phase::Failed { .. }) {
            return self.order(tenant, who, OperationKind::Start, request).await;
        }
        let (host, service) = (Arc::clone(&self.0), self.0.service(tenant, &who.service)?);
        let (tenant, who) = (tenant.clone(), who.clone());
        apart(async move {
            let claim = super::claim(&host, &tenant, &who, OperationKind::Start).await?;
            // Somebody else may have done it while this was claimed.
            match (claim.unit.phase(), claim.unit.record()) {
                (Phase::Failed { .. }, Some(record)) => Ok(recover::once_more(claim, service, record)),
                _ => begin(claim, request).await,
            }
        })
        .await
    }

    async fn order(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        kind: OperationKind,
        request: TargetRequest,
    ) -> Result<Operation, Refusal> {
        let (host, tenant, who) = (Arc::clone(&self.0), tenant.clone(), who.clone());
        apart(async move { begin(super::claim(&host, &tenant, &who, kind).await?, request).await }).await
    }
}

async fn begin(mut claim: Claim, request: TargetRequest) -> Result<Operation, Refusal> {
    let (seen, mut record) = running(&claim)?;
    let named = named(&seen.plan, &request)?;
    // Of a role, those are meant whom it can concern.
    let wants_held = claim.operation.kind == OperationKind::Start;
    let concerned: Vec<InstanceId> =
        named.into_iter().filter(|id| record.held.contains(id.as_str()) == wants_held).collect();
    if concerned.is_empty() {
        let (state, hint) = if wants_held {
            ("none of them is stopped", "recycle an instance that runs, or stop it first")
        } else {
            ("all of them are stopped already", "start them, or name instances that run")
        };
        return Err(Refusal::new(RefusalCode::WrongState, state).hint(hint));
    }
    let names = concerned.iter().map(ToString::to_string);
    match claim.operation.kind {
        OperationKind::Stop => record.held.extend(names),
        OperationKind::Start => {
            let names: BTreeSet<String> = names.collect();
            record.held.retain(|held| !names.contains(held));
        }
        _ => {}
    }
    intend(&claim, &record, None).await?;
    claim.unit.holds(record.held.clone());
    let begun = claim.begin();
    tokio::spawn(run(claim, concerned));
    Ok(begun)
}

/// The instances of these roles and names; all without any.
fn named(plan: &Plan, request: &TargetRequest) -> Result<Vec<InstanceId>, Refusal> {
    bounded(request.targets.len())?;
    let (wanted, known) = (request.targets.iter().map(String::as_str), Known::of(plan));
    let wanted: BTreeSet<&str> = wanted.collect();
    let is_unknown = |name: &&str| !known.roles.contains(name) && !known.instances.contains(name);
    let unknown = wanted.iter().copied().filter(is_unknown).map(|name| ("role or instance", name));
    known.refuse(&unknown.collect::<Vec<_>>())?;
    let is_wanted = |instance: &&PlannedInstance| {
        wanted.is_empty() || wanted.contains(instance.id.as_str()) || wanted.contains(instance.role.as_str())
    };
    Ok(plan.instances.iter().filter(is_wanted).map(|instance| instance.id.clone()).collect())
}

async fn run(claim: Claim, instances: Vec<InstanceId>) {
    let unit = Arc::clone(&claim.unit);
    let mut alive = unit.alive.lock().await;
    let end = match alive.as_mut() {
        None => Ok(End::failed(unit.does_not_run())),
        Some(running) => carry_out(&claim, &mut running.deployment, &instances).await,
    };
    let plan = alive.as_ref().map(|alive| Arc::clone(alive.deployment.plan()));
    drop(alive);
    match (end, plan) {
        (Ok(end), Some(plan)) => {
            settle(&claim, &plan, None).await;
            claim.end(end);
        }
        (Ok(end), None) => claim.end(end),
        (Err(why), plan) => {
            // Whoever was told is told.
            if let Some(plan) = plan.filter(|_| why != GiveUp::HostStops) {
                settle(&claim, &plan, None).await;
            }
            claim.end(End::interrupted(why, "the order was given, and not waited for"));
        }
    }
}

/// The error says why it gave up.
async fn carry_out(
    claim: &Claim,
    deployment: &mut Deployment,
    instances: &[InstanceId],
) -> Result<End, GiveUp> {
    let count = instances.len();
    let refused = |error: OrderError| {
        End::failed(Refusal::new(RefusalCode::WrongState, error.to_string()).hint(error.hint()))
    };
    let work = async {
        match claim.operation.kind {
            OperationKind::Stop => deployment
                .stop_instances(instances)
                .await
                .map_or_else(refused, |_| End::done(format!("instances: {count} stopped"))),
            OperationKind::Start => {
                // The order is given at once, and nobody has to wait for what comes of it.
                claim.operation.now_yields();
                let late = |arrival: &&(InstanceId, Arrival)| arrival.1 == Arrival::NotReadyYet;
                deployment.start_instances(instances).await.map_or_else(refused, |arrivals| {
                    counted("started", count, arrivals.iter().filter(late).count())
                })
            }
            _ => {
                let late = |one: &&(InstanceId, Reaction)| one.1 == Reaction::NotReadyAgain;
                deployment.recycle(instances).await.map_or_else(refused, |reactions| {
                    counted("recycled", count, reactions.iter().filter(late).count())
                })
            }
        }
    };
    tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        end = work => Ok(end),
    }
}

fn counted(what: &str, count: usize, late: usize) -> End {
    End::done(match late {
        0 => format!("instances: {count} {what}"),
        late => format!("instances: {count} {what}, {late} of them not Ready yet"),
    })
}
