//! Operations: what they do, and how they ended.

use wasm_roles_control_interface::{Operation, OperationKind, OperationState};

use super::super::age::took;
use super::super::clean::clean;
use super::refusal::refused;
use crate::failure::Reason;

/// What an operation does now, in one line: `shop: upgrade: walks upgrade domain 1 of 5 (4 of 20 instances)`.
pub fn progress(operation: &Operation) -> String {
    let walk = operation.progress.as_ref().filter(|walk| !walk.instances.is_empty());
    let walked = walk
        .map(|walk| format!(" ({} of {} instances)", walk.walked(), walk.instances.len()))
        .unwrap_or_default();
    let message = if operation.message.is_empty() { "is under way" } else { &operation.message };
    let line = format!("{}: {}: {message}{walked}", operation.deployment, operation.kind);
    clean(line.as_bytes(), false)
}

/// An operation that nobody waits for.
pub fn begun(operation: &Operation) -> String {
    let Operation { deployment, kind, id, .. } = operation;
    format!("{deployment}: {kind} has begun, operation {id}\n")
}

/// An operation that has done what was asked for.
pub fn ended(operation: &Operation) -> String {
    let took =
        operation.ended.map(|ended| format!(" in {}", took(operation.begun, ended))).unwrap_or_default();
    let what = match operation.state {
        OperationState::Done => "done",
        other => other.name(),
    };
    let message = match (operation.message.as_str(), operation.kind) {
        ("", _) => String::new(),
        (message, _) => format!(": {message}"),
    };
    let line = format!("{}: {} {what}{took}{message}", operation.deployment, operation.kind);
    format!("{}\n", clean(line.as_bytes(), false))
}

/// An operation that waits for somebody, and what that somebody does.
pub fn waits(operation: &Operation) -> String {
    let walk = operation.progress.as_ref();
    let domain = walk.and_then(|walk| walk.domain);
    let next = domain.map_or_else(|| "N".to_owned(), |domain| domain.to_string());
    let of = walk.map(|walk| format!(" of {}", walk.domains)).unwrap_or_default();
    let deployment = &operation.deployment;
    let what = match operation.kind {
        OperationKind::Upgrade => "the upgrade",
        _ => "the operation",
    };
    format!(
        "{deployment}: {what} waits for upgrade domain {next}{of}; walk it with `wasm-roles upgrade walk {next} -d {deployment}`, \
         or go back with `wasm-roles rollback {deployment}`\n"
    )
}

/// An operation that could not do what was asked for.
pub fn failed(operation: &Operation) -> Reason {
    let Operation { deployment, kind, .. } = operation;
    let how = match operation.state {
        OperationState::RolledBack => "was taken back, and what ran before runs again",
        _ => "has failed",
    };
    let Some(failure) = &operation.failure else {
        let message = clean(operation.message.as_bytes(), false);
        return Reason { message: format!("{kind} of {deployment} {how}: {message}"), hint: None };
    };
    let Reason { message, hint } = refused(failure);
    Reason { message: format!("{kind} of {deployment} {how}: {message}"), hint }
}
