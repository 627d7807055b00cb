//! A deployment as the interface shows it.

use std::collections::BTreeMap;

use wasm_roles_control_interface::{
    DeploymentState, DeploymentStatus, DeploymentSummary, Detail, EndpointRow, InstanceRow, InstanceState,
    OperationKind, PublicAddress, RoleCount, Timestamp, TopRow,
};
use wasm_roles_fabric::{InstanceStatus, InstanceUsage, Published, Status};
use wasm_roles_service_plan::{InstanceId, PlannedEndpoint, PlannedInstance, PlannedRole, RoleName};

use super::{Phase, Seen, State, Unit};
use crate::operations::Operations;

impl State {
    fn shown(&self) -> DeploymentState {
        let busy = self.operation.as_ref().filter(|operation| !operation.yields());
        match (&self.phase, busy.map(|operation| operation.kind)) {
            (Phase::Failed { .. }, _) => DeploymentState::Failed,
            (Phase::Deleting, _) => DeploymentState::Deleting,
            (Phase::Starting, _) => DeploymentState::Starting,
            (Phase::Running, Some(OperationKind::Deploy | OperationKind::Recover)) => {
                DeploymentState::Starting
            }
            (Phase::Running, Some(_)) => DeploymentState::Changing,
            (Phase::Running, None) => {
                let planned =
                    self.seen.as_ref().map(|seen| seen.plan.instances.as_slice()).unwrap_or_default();
                let all = planned.iter().all(|instance| self.held.contains(instance.id.as_str()));
                if all && !planned.is_empty() { DeploymentState::Stopped } else { DeploymentState::Running }
            }
        }
    }
}

impl Unit {
    /// In one row.
    pub(crate) fn summary(&self) -> DeploymentSummary {
        let (who, revision) = (self.who(), self.revision());
        let state = self.state();
        DeploymentSummary {
            deployment: who,
            tenant: self.tenant.clone(),
            id: self.id.clone(),
            state: state.shown(),
            since: state.since,
            revision,
            roles: state.seen.as_ref().map(roles).unwrap_or_default(),
            addresses: state.published.iter().map(address).collect(),
            operation: state.operation.as_ref().map(|operation| operation.row()),
        }
    }

    /// In full.
    pub(crate) fn status(&self, operations: &Operations, now: Timestamp) -> DeploymentStatus {
        let summary = self.summary();
        let state = self.state();
        let (seen, held) = (state.seen.clone(), state.held.clone());
        let mut problems: Vec<Detail> = state.problems.values().cloned().collect();
        let phase = state.phase.clone();
        let undoes = state.operation.as_ref().is_some_and(|operation| {
            matches!(operation.kind, OperationKind::Update | OperationKind::Scale | OperationKind::Upgrade)
        });
        drop(state);
        if let Phase::Failed { why, .. } = phase {
            problems.insert(0, why);
        }
        let instances = seen.as_ref().map_or_else(Vec::new, |seen| {
            let planned = Planned::of(seen);
            let row = |status: InstanceStatus| {
                let is_held = held.contains(status.instance.as_str());
                row(seen, &planned, status, is_held, summary.revision)
            };
            seen.statuses.now().into_iter().filter_map(row).collect()
        });
        problems.extend(instances.iter().filter_map(in_trouble));
        DeploymentStatus {
            now,
            definition: seen.as_ref().map(|seen| seen.sources.definition.name.clone()).unwrap_or_default(),
            configuration: seen.as_ref().and_then(|seen| seen.configuration.clone()),
            can_roll_back: undoes || self.with_record(|record| record.previous.is_some()).unwrap_or_default(),
            instances,
            operations: operations.of(&self.tenant, &self.service, &self.id),
            problems,
            summary,
        }
    }

    /// What its instances use.
    pub(crate) fn top(&self) -> Vec<TopRow> {
        let Some(seen) = self.seen() else { return Vec::new() };
        let planned = Planned::of(&seen);
        let row = |usage: InstanceUsage| {
            let planned = planned.find(&usage.status.instance)?;
            Some(TopRow {
                instance: usage.status.instance.to_string(),
                role: planned.role.to_string(),
                state: instance_state(usage.status.status),
                cpu_millis: u64::try_from(usage.processor_time.as_millis()).unwrap_or(u64::MAX),
                memory_bytes: usage.memory_bytes,
                memory_limit_bytes: usage.memory_limit_bytes.unwrap_or(planned.limits.memory_bytes),
                connections: usage.connections,
                bytes_in: usage.bytes_in,
                bytes_out: usage.bytes_out,
                restarts: restarts(&usage.status),
            })
        };
        seen.usages.now().into_iter().filter_map(row).collect()
    }
}

/// An instance that somebody should look at.
fn in_trouble(row: &InstanceRow) -> Option<Detail> {
    let reason = row.reason.as_ref().filter(|_| row.state == InstanceState::Recycling)?;
    Some(Detail::new(format!("{} is {}", row.instance, reason)).subject(row.instance.clone()))
}

fn roles(seen: &Seen) -> Vec<RoleCount> {
    let planned = Planned::of(seen);
    let mut counts: BTreeMap<&RoleName, (u32, u32)> = BTreeMap::new();
    for status in seen.statuses.now() {
        let Some(planned) = planned.find(&status.instance) else { continue };
        let (instances, ready) = counts.entry(&planned.role).or_default();
        *instances += 1;
        *ready += u32::from(status.status == Status::Ready);
    }
    let count = |role: &PlannedRole| {
        let (instances, ready) = counts.get(&role.name).copied().unwrap_or_default();
        RoleCount { role: role.name.to_string(), instances, ready }
    };
    seen.plan.roles.iter().map(count).collect()
}

/// The planned instances by their ids: those that run, and those that come.
struct Planned<'a>(BTreeMap<&'a InstanceId, &'a PlannedInstance>);

impl<'a> Planned<'a> {
    fn of(seen: &'a Seen) -> Self {
        let next = seen.next.iter().flat_map(|next| &next.instances);
        let all = next.chain(&seen.plan.instances);
        Self(all.map(|planned| (&planned.id, planned)).collect())
    }

    fn find(&self, instance: &InstanceId) -> Option<&'a PlannedInstance> {
        self.0.get(instance).copied()
    }
}

fn row(
    seen: &Seen,
    planned: &Planned<'_>,
    status: InstanceStatus,
    held: bool,
    revision: u64,
) -> Option<InstanceRow> {
    let planned = planned.find(&status.instance)?;
    let generation = seen.generations.iter().find(|(generation, _)| *generation == status.generation);
    Some(InstanceRow {
        instance: status.instance.to_string(),
        role: planned.role.to_string(),
        state: instance_state(status.status),
        since: Timestamp::since_1970(status.since),
        restarts: restarts(&status),
        reason: status.recycled.as_ref().map(ToString::to_string),
        last_words: status.recycled.map(|recycled| recycled.last_words).unwrap_or_default(),
        update_domain: planned.update_domain,
        fault_domain: planned.fault_domain,
        address: planned.address,
        endpoints: planned.endpoints.iter().map(endpoint).collect(),
        revision: generation.map_or(revision, |(_, revision)| *revision),
        held,
    })
}

/// The first incarnation is none.
const fn restarts(status: &InstanceStatus) -> u64 {
    status.launches.saturating_sub(1)
}

const fn instance_state(status: Status) -> InstanceState {
    match status {
        Status::Created => InstanceState::Created,
        Status::Starting => InstanceState::Starting,
        Status::Ready => InstanceState::Ready,
        Status::Busy => InstanceState::Busy,
        Status::Recycling => InstanceState::Recycling,
        Status::Stopping => InstanceState::Stopping,
        Status::Stopped => InstanceState::Stopped,
    }
}

fn endpoint(endpoint: &PlannedEndpoint) -> EndpointRow {
    EndpointRow {
        name: endpoint.name.clone(),
        kind: endpoint.kind.to_string(),
        protocol: endpoint.protocol.to_string(),
        port: endpoint.port,
        port_max: endpoint.port_max,
        public_port: endpoint.public_port,
    }
}

fn address(published: &Published) -> PublicAddress {
    let public = &published.public;
    PublicAddress {
        endpoint: public.endpoint.clone(),
        role: public.role.to_string(),
        instance: public.instance.as_ref().map(ToString::to_string),
        protocol: public.protocol.to_string(),
        port: public.port.get(),
        at: published.at,
    }
}
