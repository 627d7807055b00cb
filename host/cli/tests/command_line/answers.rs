//! What a host with a shop says.

use std::time::Duration;

use wasm_roles_control_interface::{
    DeploymentList, DeploymentState, DeploymentStatus, DeploymentSummary, Detail, EndpointRow, Generation,
    InstanceProgress, InstanceRow, InstanceState, Operation, OperationId, OperationKind, OperationState,
    PublicAddress, Refusal, RefusalCode, RoleCount, TenantName, Timestamp, WalkProgress,
};

/// Noon of a day in November.
const NOON: u64 = 1_795_262_400;

/// So many seconds before the host answers.
pub fn ago(seconds: u64) -> Timestamp {
    Timestamp::since_1970(Duration::from_secs(NOON - seconds))
}

pub fn now() -> Timestamp {
    ago(0)
}

pub fn operation(kind: OperationKind, state: OperationState, message: &str) -> Operation {
    let mut operation = Operation {
        id: OperationId(0x1f),
        kind,
        tenant: TenantName::usual(),
        deployment: "shop".parse().unwrap(),
        state,
        begun: ago(14),
        ended: None,
        message: message.to_owned(),
        progress: None,
        failure: None,
    };
    if state.is_over() {
        operation.ended = Some(ago(2));
    }
    operation
}

/// An upgrade in the middle of its walk.
pub fn upgrade(state: OperationState) -> Operation {
    let mut operation = operation(OperationKind::Upgrade, state, "walks upgrade domain 1 of 2");
    let instance = |id: &str, domain, generation, reaction: Option<&str>| InstanceProgress {
        instance: id.to_owned(),
        domain,
        generation,
        reaction: reaction.map(str::to_owned),
    };
    operation.progress = Some(WalkProgress {
        domain: Some(1),
        domains: 2,
        instances: vec![
            instance("Web_IN_0", 0, Generation::New, Some("recycled")),
            instance("Web_IN_1", 1, Generation::Old, None),
            instance("Orders_IN_0", 0, Generation::New, Some("recycled")),
        ],
    });
    operation
}

pub fn failed(kind: OperationKind, state: OperationState, failure: Refusal) -> Operation {
    let mut operation = operation(kind, state, "");
    operation.failure = Some(failure);
    operation
}

pub fn unhealthy() -> Refusal {
    Refusal::new(RefusalCode::NotHealthy, "upgrade domain 1 was not Ready within 60 s")
        .hint("look at its last words with `wasm-roles status shop`")
        .details([Detail::new("recycled 4 times, because run returned an error: no\u{1b}[2J route")
            .subject("Web_IN_1")])
}

pub fn summary(deployment: &str, state: DeploymentState, at: &str) -> DeploymentSummary {
    let role = |role: &str, instances, ready| RoleCount { role: role.to_owned(), instances, ready };
    DeploymentSummary {
        deployment: deployment.parse().unwrap(),
        tenant: TenantName::usual(),
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        state,
        since: ago(400),
        revision: 2,
        roles: vec![role("Web", 2, 1), role("Orders", 1, 1)],
        addresses: vec![PublicAddress {
            endpoint: "Http".to_owned(),
            role: "Web".to_owned(),
            instance: None,
            protocol: "http".to_owned(),
            port: 80,
            at: at.parse().unwrap(),
        }],
        operation: None,
    }
}

pub fn list(summaries: Vec<DeploymentSummary>) -> DeploymentList {
    DeploymentList { now: now(), deployments: summaries }
}

fn instance(id: &str, role: &str, state: InstanceState, ordinal: u32) -> InstanceRow {
    let last = u8::try_from(ordinal).unwrap() + if role == "Web" { 4 } else { 6 };
    InstanceRow {
        instance: id.to_owned(),
        role: role.to_owned(),
        state,
        since: ago(90),
        restarts: 0,
        reason: None,
        last_words: vec![],
        update_domain: ordinal % 2,
        fault_domain: ordinal % 2,
        address: std::net::Ipv4Addr::new(10, 0, 0, last),
        endpoints: vec![EndpointRow {
            name: if role == "Web" { "Http" } else { "Book" }.to_owned(),
            kind: "internal".to_owned(),
            protocol: "tcp".to_owned(),
            port: 20_000,
            port_max: None,
            public_port: None,
        }],
        revision: 2,
        held: false,
    }
}

pub fn status(summary: DeploymentSummary, operations: Vec<Operation>) -> DeploymentStatus {
    let mut second = instance("Web_IN_1", "Web", InstanceState::Recycling, 1);
    second.restarts = 3;
    second.since = ago(4_000);
    second.reason = Some("run returned an error: no\u{1b}[2J route".to_owned());
    let mut third = instance("Orders_IN_0", "Orders", InstanceState::Stopped, 0);
    third.held = true;
    DeploymentStatus {
        now: now(),
        summary,
        definition: "Shop".to_owned(),
        configuration: Some("ServiceConfiguration.cscfg".to_owned()),
        can_roll_back: true,
        instances: vec![instance("Web_IN_0", "Web", InstanceState::Ready, 0), second, third],
        operations,
        problems: vec![],
    }
}
