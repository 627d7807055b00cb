//! One deployment in full.

use std::collections::BTreeMap;

use wasm_roles_control_interface::{
    DeploymentStatus, InstanceProgress, InstanceRow, Operation, OperationState, Timestamp,
};

use super::super::age::{age, took};
use super::super::clean::clean;
use super::super::columns::fitted;
use super::list::ready;
use super::public_ports::public_ports;
use super::refusal::in_words;

/// How many of the last operations are shown.
const OPERATIONS: usize = 5;

/// What it is, its instances, its public ports, its last operations, and its problems.
pub fn status(status: &DeploymentStatus, line_length: Option<usize>) -> String {
    let walk = status.operations.first().filter(|operation| !operation.state.is_over());
    let parts = [
        title(status),
        instances(status, walk, line_length),
        public_ports(&status.summary.addresses, line_length),
        operations(status, line_length),
        problems(status),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn title(status: &DeploymentStatus) -> String {
    let summary = &status.summary;
    let configuration = status
        .configuration
        .as_ref()
        .map_or_else(|| "no configuration".to_owned(), |file| format!("configuration {file}"));
    let mut lines = vec![
        format!(
            "{}: {} for {}, {} Ready",
            summary.deployment,
            summary.state,
            age(status.now, summary.since),
            ready(&summary.roles)
        ),
        format!("Definition {}, {configuration}, revision {}", status.definition, summary.revision),
        format!("Deployment {}", summary.id),
    ];
    if let Some(operation) = status.operations.first().filter(|operation| !operation.state.is_over()) {
        lines.push(now_running(operation, status.now));
    }
    let shown = |line: &String| format!("{}\n", clean(line.as_bytes(), false));
    lines.iter().map(shown).collect()
}

fn now_running(operation: &Operation, now: Timestamp) -> String {
    let walk = operation.progress.as_ref().filter(|walk| !walk.instances.is_empty());
    let walked = walk
        .map(|walk| format!(", {} of {} instances new", walk.walked(), walk.instances.len()))
        .unwrap_or_default();
    let Operation { kind, state, message, begun, .. } = operation;
    format!("Operation {kind}, {state} for {}: {message}{walked}", age(now, *begun))
}

fn instances(status: &DeploymentStatus, walk: Option<&Operation>, line_length: Option<usize>) -> String {
    let progress = walk.and_then(|operation| operation.progress.as_ref());
    let walk: BTreeMap<&str, &InstanceProgress> = progress
        .map(|walk| walk.instances.iter().map(|instance| (instance.instance.as_str(), instance)).collect())
        .unwrap_or_default();
    let heading = [
        "INSTANCE",
        "STATE",
        "FOR",
        "RESTARTS",
        "DOMAIN",
        "ADDRESS",
        "REVISION",
        "WALK",
        "ENDPOINTS",
        "LAST RECYCLED BECAUSE",
    ];
    let rows = status.instances.iter().map(|row| {
        let walk = walk.get(row.instance.as_str()).map(|progress| walked(progress)).unwrap_or_default();
        instance(row, walk, status.now)
    });
    fitted(&heading, rows.collect(), line_length)
}

fn instance(row: &InstanceRow, walk: String, now: Timestamp) -> Vec<String> {
    let held = if row.held { " (by order)" } else { "" };
    let endpoints = row.endpoints.iter().map(|endpoint| {
        let ports = match (endpoint.port, endpoint.port_max) {
            (0, _) => "every port".to_owned(),
            (first, Some(last)) => format!("{first}-{last}"),
            (only, None) => only.to_string(),
        };
        format!("{} {} {ports}", endpoint.name, endpoint.protocol)
    });
    vec![
        row.instance.clone(),
        format!("{}{held}", row.state),
        age(now, row.since),
        row.restarts.to_string(),
        row.update_domain.to_string(),
        row.address.to_string(),
        row.revision.to_string(),
        walk,
        endpoints.collect::<Vec<_>>().join(", "),
        row.reason.clone().unwrap_or_default(),
    ]
}

/// Such as `old`, or `new, recycled`.
fn walked(progress: &InstanceProgress) -> String {
    match &progress.reaction {
        Some(reaction) => format!("{}, {reaction}", progress.generation),
        None => progress.generation.to_string(),
    }
}

fn operations(status: &DeploymentStatus, line_length: Option<usize>) -> String {
    let over = status.operations.iter().filter(|operation| operation.state.is_over()).take(OPERATIONS);
    let row = |operation: &Operation| {
        let ended = operation.ended.unwrap_or(operation.begun);
        let why = operation.failure.as_ref().map(|failure| failure.message.clone());
        vec![
            operation.kind.to_string(),
            operation.state.to_string(),
            format!("{} ago", age(status.now, ended)),
            took(operation.begun, ended),
            match operation.state {
                OperationState::Done => operation.message.clone(),
                _ => why.unwrap_or_else(|| operation.message.clone()),
            },
        ]
    };
    let rows: Vec<Vec<String>> = over.map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    fitted(&["OPERATION", "STATE", "ENDED", "TOOK", "WHAT"], rows, line_length)
}

fn problems(status: &DeploymentStatus) -> String {
    status.problems.iter().map(|problem| format!("problem: {}\n", in_words(problem))).collect()
}
