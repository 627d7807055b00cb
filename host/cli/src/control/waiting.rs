//! Waiting for operations.

use std::time::Duration;

use wasm_roles_control_interface::{Client, ClientError, Operation, OperationState};

use crate::failure::Failure;
use crate::output::tell;
use crate::signals::StopSignals;
use crate::words::host::progress;

/// How long the host may take to answer while an operation runs: how often its progress is seen.
const LOOK: Duration = Duration::from_secs(1);

/// How waiting for an operation ended.
pub enum Waited {
    /// The operation is over, or waits for somebody.
    Told(Box<Operation>),
    /// The user did not want to wait any longer. It goes on.
    Interrupted(Box<Operation>),
}

/// Waits until an operation is over or waits for somebody. `telling` says on standard error what it does.
pub async fn until_over(
    client: &Client,
    begun: Operation,
    signals: &mut StopSignals,
    telling: bool,
) -> Result<Waited, Failure> {
    let mut operation = begun;
    let mut told = String::new();
    loop {
        if operation.state != OperationState::Running {
            return Ok(Waited::Told(Box::new(operation)));
        }
        let now = progress(&operation);
        if telling && now != told {
            tell(format!("{now}\n"));
            told = now;
        }
        let asked = client.operation(&operation.deployment.service, operation.id, LOOK);
        operation = tokio::select! {
            biased;
            () = signals.next() => return Ok(Waited::Interrupted(Box::new(operation))),
            asked = asked => asked.map_err(|error| lost(error, &operation))?,
        };
    }
}

/// The host cannot be asked any more.
fn lost(error: ClientError, operation: &Operation) -> Failure {
    match &error {
        ClientError::NobodyThere { .. } | ClientError::BrokenOff { .. } => {
            let Operation { kind, deployment, .. } = operation;
            Failure::with_hint(
                format!("nobody knows how {kind} of {deployment} ended: {error}"),
                format!(
                    "a host with --data-dir finishes it or takes it back when it is started again; then ask \
                     `wasm-roles status {deployment}`"
                ),
            )
        }
        _ => Failure::from(error),
    }
}
