//! Metrics in the text format of Prometheus (version 0.0.4).
//!
//! | name | labels | what |
//! |---|---|---|
//! | `wasm_roles_host_info` | version | 1 |
//! | `wasm_roles_host_start_time_seconds` | | when the host was started, since 1970 |
//! | `wasm_roles_problems` | | what somebody should look at (`GET /v1/host`) |
//! | `wasm_roles_control_requests_total` | endpoint, status | requests to this interface |
//! | `wasm_roles_control_requests_open` | | requests and streams that are open |
//! | `wasm_roles_tenant_deployments` | tenant | |
//! | `wasm_roles_tenant_instances`, `…_cap` | tenant | by the plan; a cap only where there is one |
//! | `wasm_roles_tenant_memory_limit_bytes`, `…_cap` | tenant | the sum of the instances' limits |
//! | `wasm_roles_tenant_public_ports`, `…_cap` | tenant | |
//! | `wasm_roles_deployment_state` | tenant, service, slot, deployment, state | 1 for the state that it has |
//! | `wasm_roles_deployment_revision` | tenant, service, slot, deployment | |
//! | `wasm_roles_operation_running` | tenant, service, slot, deployment, kind | 1 while one runs or waits |
//! | `wasm_roles_instances` | …, role, state | instances of a role in each state that occurs |
//! | `wasm_roles_instance_restarts_total` | …, role, instance | recycles since it was created |
//! | `wasm_roles_instance_cpu_seconds_total` | …, role, instance | |
//! | `wasm_roles_instance_memory_bytes`, `wasm_roles_instance_memory_limit_bytes` | …, role, instance | |
//! | `wasm_roles_instance_connections_total` | …, role, instance | taken by its endpoints |
//! | `wasm_roles_instance_received_bytes_total`, `wasm_roles_instance_sent_bytes_total` | …, role, instance | through its endpoints |
//!
//! A tenant sees its own only; the host's owner sees all of them. `slot` moves with a swap, `deployment` (the id) does not.

mod exposition;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use wasm_roles_control_interface::{
    DeploymentStatus, DeploymentSummary, Endpoint, HostInfo, TenantUsage, TopRow, Usage,
};

use self::exposition::{Exposition, Kind};
use crate::operator::{Caller, Operator};

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The requests that were answered, by what was asked for and the status of the answer.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Counts>>);

type Counts = BTreeMap<(Option<Endpoint>, u16), u64>;

impl Requests {
    /// Counts one. Without an endpoint: for a path that there is not.
    pub(crate) fn count(&self, endpoint: Option<Endpoint>, status: StatusCode) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((endpoint, status.as_u16())).or_default() += 1;
    }

    fn read(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What there is to tell.
struct Readings {
    host: HostInfo,
    deployments: Vec<(DeploymentStatus, Vec<TopRow>)>,
}

impl Readings {
    async fn read<O: Operator>(operator: &O, caller: &Caller) -> Self {
        let host = operator.host(caller).await;
        let mut deployments = Vec::new();
        for TenantUsage { tenant, .. } in &host.tenants {
            for DeploymentSummary { deployment, .. } in operator.services(tenant).await.deployments {
                // One that has gone meanwhile is not there.
                if let Ok(status) = operator.status(tenant, &deployment).await {
                    let top = operator.top(tenant, &deployment).await;
                    deployments.push((status, top.map(|top| top.rows).unwrap_or_default()));
                }
            }
        }
        Self { host, deployments }
    }

    fn rows(&self) -> impl Iterator<Item = (&DeploymentSummary, &TopRow)> {
        self.deployments.iter().flat_map(|(status, rows)| rows.iter().map(|row| (&status.summary, row)))
    }
}

/// All metrics that the caller may see. `open`: requests and streams that are open.
pub(crate) async fn text<O: Operator>(
    operator: &O,
    caller: &Caller,
    requests: &Requests,
    open: usize,
) -> String {
    let readings = Readings::read(operator, caller).await;
    let mut to = Exposition::default();
    of_host(&mut to, &readings.host);
    if caller.owner {
        of_requests(&mut to, requests, open);
    }
    of_tenants(&mut to, &readings.host.tenants);
    of_deployments(&mut to, &readings);
    of_instances(&mut to, &readings);
    to.finish()
}

fn of_host(to: &mut Exposition, host: &HostInfo) {
    let mut family = to.family("wasm_roles_host_info", Kind::Gauge, "The version of the host.");
    family.sample(&[("version", &host.version)], 1);
    let help = "When the host was started, in seconds since 1970.";
    let mut family = to.family("wasm_roles_host_start_time_seconds", Kind::Gauge, help);
    family.sample(&[], host.since.as_duration().as_secs());
    let help = "Files and deployments that somebody should look at.";
    to.family("wasm_roles_problems", Kind::Gauge, help).sample(&[], count(host.problems.len()));
}

fn of_requests(to: &mut Exposition, requests: &Requests, open: usize) {
    let help = "Requests to the control interface that were answered.";
    let mut family = to.family("wasm_roles_control_requests_total", Kind::Counter, help);
    for ((endpoint, status), number) in requests.read() {
        let endpoint = endpoint.map_or("none", Endpoint::id);
        family.sample(&[("endpoint", endpoint), ("status", &status.to_string())], number);
    }
    let help = "Requests and streams of the control interface that are open.";
    to.family("wasm_roles_control_requests_open", Kind::Gauge, help).sample(&[], count(open));
}

fn of_tenants(to: &mut Exposition, tenants: &[TenantUsage]) {
    let help = "Deployments of a tenant.";
    let mut family = to.family("wasm_roles_tenant_deployments", Kind::Gauge, help);
    for usage in tenants {
        family.sample(&[("tenant", usage.tenant.as_str())], usage.deployments);
    }
    type OfTenant = fn(&TenantUsage) -> Usage;
    let used: [(&str, OfTenant, &str); 3] = [
        ("wasm_roles_tenant_instances", |usage| usage.instances, "Instances of a tenant."),
        (
            "wasm_roles_tenant_memory_limit_bytes",
            |usage| usage.memory_bytes,
            "The memory limits of a tenant's instances together.",
        ),
        ("wasm_roles_tenant_public_ports", |usage| usage.public_ports, "Public ports of a tenant."),
    ];
    for (name, of, help) in used {
        let mut family = to.family(name, Kind::Gauge, help);
        for usage in tenants {
            family.sample(&[("tenant", usage.tenant.as_str())], of(usage).used);
        }
        let help = format!("The cap of that: {help}");
        let mut family = to.family(&format!("{name}_cap"), Kind::Gauge, &help);
        for usage in tenants {
            if let Some(cap) = of(usage).cap {
                family.sample(&[("tenant", usage.tenant.as_str())], cap);
            }
        }
    }
}

/// The labels that everything of a deployment has.
fn labels(of: &DeploymentSummary) -> [(&'static str, &str); 4] {
    [
        ("tenant", of.tenant.as_str()),
        ("service", of.deployment.service.as_str()),
        ("slot", of.deployment.slot.name()),
        ("deployment", &of.id),
    ]
}

fn of_deployments(to: &mut Exposition, readings: &Readings) {
    let deployments = || readings.deployments.iter().map(|(status, _)| &status.summary);
    let help = "The state of a deployment: 1 for the one that it has.";
    let mut family = to.family("wasm_roles_deployment_state", Kind::Gauge, help);
    for summary in deployments() {
        family.sample_of(&labels(summary), &[("state", summary.state.name())], 1);
    }
    let help = "Which of its packages a deployment runs.";
    let mut family = to.family("wasm_roles_deployment_revision", Kind::Gauge, help);
    for summary in deployments() {
        family.sample(&labels(summary), summary.revision);
    }
    let help = "An operation that runs or waits.";
    let mut family = to.family("wasm_roles_operation_running", Kind::Gauge, help);
    for summary in deployments() {
        if let Some(operation) = summary.operation.as_ref().filter(|operation| !operation.state.is_over()) {
            family.sample_of(&labels(summary), &[("kind", operation.kind.name())], 1);
        }
    }
}

fn of_instances(to: &mut Exposition, readings: &Readings) {
    let help = "Instances of a role by their state.";
    let mut family = to.family("wasm_roles_instances", Kind::Gauge, help);
    for (status, _) in &readings.deployments {
        let mut counts = BTreeMap::<(&str, &str), u64>::new();
        for row in &status.instances {
            *counts.entry((&row.role, row.state.name())).or_default() += 1;
        }
        for ((role, state), number) in counts {
            family.sample_of(&labels(&status.summary), &[("role", role), ("state", state)], number);
        }
    }
    let help = "Processor time of an instance.";
    let mut family = to.family("wasm_roles_instance_cpu_seconds_total", Kind::Counter, help);
    for (summary, row) in readings.rows() {
        family.sample_millis(&labels(summary), &of_row(row), row.cpu_millis);
    }
    type OfRow = fn(&TopRow) -> u64;
    let numbers: [(&str, Kind, OfRow, &str); 6] = [
        (
            "wasm_roles_instance_restarts_total",
            Kind::Counter,
            |row| row.restarts,
            "How often an instance was recycled.",
        ),
        (
            "wasm_roles_instance_memory_bytes",
            Kind::Gauge,
            |row| row.memory_bytes,
            "Memory that an instance holds.",
        ),
        (
            "wasm_roles_instance_memory_limit_bytes",
            Kind::Gauge,
            |row| row.memory_limit_bytes,
            "Memory that an instance may hold.",
        ),
        (
            "wasm_roles_instance_connections_total",
            Kind::Counter,
            |row| row.connections,
            "Connections that the endpoints of an instance have taken.",
        ),
        (
            "wasm_roles_instance_received_bytes_total",
            Kind::Counter,
            |row| row.bytes_in,
            "Bytes that came in through the endpoints of an instance.",
        ),
        (
            "wasm_roles_instance_sent_bytes_total",
            Kind::Counter,
            |row| row.bytes_out,
            "Bytes that went out through the endpoints of an instance.",
        ),
    ];
    for (name, kind, of, help) in numbers {
        let mut family = to.family(name, kind, help);
        for (summary, row) in readings.rows() {
            family.sample_of(&labels(summary), &of_row(row), of(row));
        }
    }
}

fn of_row(row: &TopRow) -> [(&'static str, &str); 2] {
    [("role", &row.role), ("instance", &row.instance)]
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
