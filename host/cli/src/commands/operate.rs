//! The commands that change what runs on a host.

use anyhow::{Context, Result};
use wasm_roles_control_interface::{
    Client, ClientError, Operation, OperationKind, OperationState, ScaleRequest, TargetRequest, UpdateMode,
    UpdateRequest, UpgradeQuery,
};
use wasm_roles_service_model::Source;

use super::Ending;
use crate::arguments::{
    BeginUpgrade, ControlArguments, DeleteArguments, DeployArguments, Format, PackageArguments,
    RollbackArguments, ScaleArguments, SwapArguments, TargetArguments, UpdateArguments, UpgradeArguments,
    WaitArguments, WalkArguments,
};
use crate::control::{self, Waited, only_deployment, only_service};
use crate::failure::Failure;
use crate::output::{self, tell};
use crate::packing::Package;
use crate::reading::Reading;
use crate::service_files::read_configuration;
use crate::signals::StopSignals;
use crate::words::host as words;
use crate::words::terminal;

/// Sends a service to a host.
pub async fn deploy(arguments: DeployArguments) -> Result<Ending> {
    let DeployArguments { package, deployment, wait, control } = &arguments;
    let (package, service) = packed(package)?;
    let begin = async |client: &Client| {
        let to = match deployment {
            Some(named) => named.clone(),
            None => service.parse().map_err(|error| {
                Failure::of_arguments(
                    format!("{error}"),
                    Some(
                        "name the service with `-d SERVICE`: the definition's own name cannot be used"
                            .to_owned(),
                    ),
                )
            })?,
        };
        Ok(client.deploy(&to, package.into_stream()).await?)
    };
    carried_out(control, wait, begin).await
}

/// Gives a deployment another configuration.
pub async fn update(arguments: UpdateArguments) -> Result<Ending> {
    let UpdateArguments { of, config, wait, control } = &arguments;
    let Source { name, text, .. } = read_configuration(config)?;
    let request = UpdateRequest { name, configuration: text };
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(client.update(&deployment, &request).await?)
    };
    carried_out(control, wait, begin).await
}

/// Changes numbers of instances.
pub async fn scale(arguments: ScaleArguments) -> Result<Ending> {
    let ScaleArguments { counts, remove, of, wait, control } = arguments;
    let request = ScaleRequest { roles: counts.into_iter().collect(), remove };
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(client.scale(&deployment, &request).await?)
    };
    carried_out(&control, &wait, begin).await
}

/// Begins an upgrade, or walks one.
pub async fn upgrade(arguments: UpgradeArguments) -> Result<Ending> {
    match arguments {
        UpgradeArguments::Begin(begin) => begin_upgrade(*begin).await,
        UpgradeArguments::Walk(walk) => walk_upgrade(walk).await,
    }
}

async fn begin_upgrade(arguments: BeginUpgrade) -> Result<Ending> {
    let BeginUpgrade { package, manual, health, of, wait, control } = &arguments;
    let (package, _) = packed(package)?;
    let mode = if *manual { UpdateMode::Manual } else { UpdateMode::Auto };
    let how = UpgradeQuery { mode, health: *health };
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(client.upgrade(&deployment, &how, package.into_stream()).await?)
    };
    carried_out(control, wait, begin).await
}

async fn walk_upgrade(arguments: WalkArguments) -> Result<Ending> {
    let WalkArguments { domain, of, wait, control } = &arguments;
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(client.walk(&deployment, *domain).await?)
    };
    carried_out(control, wait, begin).await
}

/// Goes back to what ran before.
pub async fn rollback(arguments: RollbackArguments) -> Result<Ending> {
    let RollbackArguments { of, wait, control } = &arguments;
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(client.rollback(&deployment).await?)
    };
    carried_out(control, wait, begin).await
}

/// Swaps the slots of a service.
pub async fn swap(arguments: SwapArguments) -> Result<Ending> {
    let SwapArguments { service, wait, control } = &arguments;
    let begin = async |client: &Client| {
        let service = only_service(client, service.as_ref()).await?;
        Ok(client.swap(&service).await?)
    };
    carried_out(control, wait, begin).await
}

/// What instances are ordered to do.
#[derive(Clone, Copy)]
pub enum Order {
    Recycle,
    Stop,
    Start,
}

/// Recycles, stops or starts instances.
pub async fn order(order: Order, arguments: TargetArguments) -> Result<Ending> {
    let TargetArguments { targets, all: _, of, wait, control } = arguments;
    let request = TargetRequest { targets };
    let begin = async |client: &Client| {
        let deployment = only_deployment(client, of.deployment.as_ref()).await?;
        Ok(match order {
            Order::Recycle => client.recycle(&deployment, &request).await,
            Order::Stop => client.stop(&deployment, &request).await,
            Order::Start => client.start(&deployment, &request).await,
        }?)
    };
    carried_out(&control, &wait, begin).await
}

/// Removes a deployment.
pub async fn delete(arguments: DeleteArguments) -> Result<Ending> {
    let DeleteArguments { deployment, wait, control } = &arguments;
    let begin = async |client: &Client| Ok(client.delete(deployment).await?);
    carried_out(control, wait, begin).await
}

/// Checks the files of a service, and finds what belongs to it. With the name in its definition.
fn packed(arguments: &PackageArguments) -> Result<(Package, String)> {
    let reading = Reading::telling_configuration(&arguments.service)?;
    let plan = arguments.limits.over(reading.plan()?)?;
    let package = Package::of(arguments, reading.files(), &plan)?;
    for left_out in package.left_out() {
        let left_out = left_out.display();
        tell(format!("note: {left_out} is not packed: a link that leads out of its folder, or no file\n"));
    }
    Ok((package, plan.service))
}

/// Begins an operation, waits for it unless nobody wants that, and says how it ended.
async fn carried_out(
    control: &ControlArguments,
    wait: &WaitArguments,
    begin: impl AsyncFnOnce(&Client) -> Result<Operation, Failure>,
) -> Result<Ending> {
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    let client = control::client(control)?;
    let begun = tokio::select! {
        biased;
        () = signals.next() => {
            tell("the host was not waited for; `wasm-roles ps` shows whether it has begun something\n");
            return Ok(Ending::Interrupted);
        }
        begun = begin(&client) => begun?,
    };
    if wait.no_wait {
        match control.format {
            Format::Human => output::print(words::begun(&begun))?,
            Format::Json => output::print_json(&begun)?,
        }
        return Ok(Ending::Done);
    }
    let telling = control.format == Format::Human;
    match control::until_over(&client, begun, &mut signals, telling).await? {
        Waited::Told(operation) => told(&client, control.format, &operation).await,
        Waited::Interrupted(operation) => {
            let Operation { kind, deployment, .. } = &*operation;
            tell(format!("{kind} of {deployment} goes on; see `wasm-roles status {deployment}`\n"));
            Ok(Ending::Interrupted)
        }
    }
}

/// Says how an operation ended, or for whom it waits.
async fn told(client: &Client, format: Format, operation: &Operation) -> Result<Ending> {
    let is_good = matches!(operation.state, OperationState::Done | OperationState::Waiting);
    if format == Format::Json {
        output::print_json(operation)?;
        return Ok(if is_good { Ending::Done } else { Ending::Errors });
    }
    match operation.state {
        OperationState::Done => output::print(words::ended(operation))?,
        OperationState::Waiting | OperationState::Running => output::print(words::waits(operation))?,
        OperationState::Failed | OperationState::RolledBack => {
            return Err(Failure::of(vec![words::failed(operation)]).into());
        }
    }
    if operation.state == OperationState::Done && operation.kind == OperationKind::Deploy {
        match client.status(&operation.deployment).await {
            Ok(status) => {
                output::print(words::public_ports(&status.summary.addresses, terminal::line_length()))?;
            }
            // It was changed again already.
            Err(ClientError::Refused(_)) => {}
            Err(error) => return Err(Failure::from(error).into()),
        }
    }
    Ok(Ending::Done)
}
