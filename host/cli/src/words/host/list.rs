//! All deployments, a line each.

use wasm_roles_control_interface::{DeploymentList, DeploymentSummary, RoleCount, Timestamp};

use super::super::age::age;
use super::super::columns::{fitted, listed};

/// A table, or a sentence that there is nothing.
pub fn list(list: &DeploymentList, line_length: Option<usize>) -> String {
    if list.deployments.is_empty() {
        return "Nothing is deployed.\n".to_owned();
    }
    let heading = ["DEPLOYMENT", "STATE", "FOR", "REVISION", "READY", "LISTENS ON", "OPERATION"];
    fitted(&heading, list.deployments.iter().map(|summary| row(summary, list.now)).collect(), line_length)
}

fn row(summary: &DeploymentSummary, now: Timestamp) -> Vec<String> {
    let addresses = summary.addresses.iter().map(|address| match address.at.port() {
        port if port == address.port => address.at.to_string(),
        _ => format!("{} ({})", address.at, address.port),
    });
    let operation =
        summary.operation.as_ref().map(|operation| format!("{}: {}", operation.kind, operation.message));
    vec![
        summary.deployment.to_string(),
        summary.state.to_string(),
        age(now, summary.since),
        summary.revision.to_string(),
        ready(&summary.roles),
        listed(addresses),
        operation.unwrap_or_default(),
    ]
}

/// Such as `4/5`.
pub fn ready(roles: &[RoleCount]) -> String {
    let sum = |of: fn(&RoleCount) -> u32| roles.iter().map(|role| u64::from(of(role))).sum::<u64>();
    format!("{}/{}", sum(|role| role.ready), sum(|role| role.instances))
}
