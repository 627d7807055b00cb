//! What the xpath of a `RoleInstanceValue` selects, for one instance (facts: section 5).

use thiserror::Error;
use wasm_roles_service_model::{EndpointName, InstanceValue, LocalResource, LocalResourceName};

use crate::{Plan, PlannedEndpoint, PlannedInstance, PlannedRole};

/// What a plan does not know about an instance.
#[derive(Clone, Copy)]
pub struct InstanceFacts<'a> {
    /// The id of the deployment that the instance belongs to.
    pub deployment_id: &'a str,
    /// Whether the instance is told that it runs in an emulator.
    pub emulated: bool,
    /// The directory of a local store of the instance, by its name, as the instance sees it.
    pub local_path: &'a dyn Fn(&str) -> String,
}

/// Why an instance has no such value. The checks of the model leave only [`ValueError::NoOnePort`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The instance is not of this plan.
    #[error("instance {instance} is of role {role}, which this plan does not have")]
    UnknownRole {
        /// The instance.
        instance: String,
        /// Its role.
        role: String,
    },
    /// The role has no such setting, local store or endpoint.
    #[error("role {role} has no {kind} {name}")]
    Missing {
        /// The role.
        role: String,
        /// `setting`, `local store` or `endpoint`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// An internal endpoint has no public port.
    #[error("endpoint {endpoint} of role {role} is internal and has no public port")]
    NoPublicPort {
        /// The role.
        role: String,
        /// The endpoint.
        endpoint: String,
    },
    /// An endpoint for `any` without a port has every port, so no number is its port.
    #[error(
        "endpoint {endpoint} of role {role} is on every port, so there is no one port to tell; name a port"
    )]
    NoOnePort {
        /// The role.
        role: String,
        /// The endpoint.
        endpoint: String,
    },
}

/// The value as text, which becomes the value of an environment variable.
///
/// Of an endpoint with several ports it is the first declared one.
///
/// # Errors
/// The instance has no such value; see [`ValueError`].
pub fn instance_value(
    value: &InstanceValue,
    plan: &Plan,
    instance: &PlannedInstance,
    facts: &InstanceFacts<'_>,
) -> Result<String, ValueError> {
    let role = || {
        plan.role(&instance.role).ok_or_else(|| ValueError::UnknownRole {
            instance: instance.id.to_string(),
            role: instance.role.to_string(),
        })
    };
    Ok(match value {
        InstanceValue::DeploymentId => facts.deployment_id.to_owned(),
        InstanceValue::Emulated => facts.emulated.to_string(),
        InstanceValue::InstanceId => instance.id.to_string(),
        InstanceValue::RoleName => instance.role.to_string(),
        InstanceValue::UpdateDomain => instance.update_domain.to_string(),
        InstanceValue::FaultDomain => instance.fault_domain.to_string(),
        InstanceValue::Setting(name) => {
            let value = role()?.settings.get(name.as_str()).cloned();
            value.ok_or_else(|| missing(instance, "setting", name.as_str()))?
        }
        InstanceValue::LocalResourcePath(name) => {
            (facts.local_path)(store(role()?, instance, name)?.name.as_str())
        }
        InstanceValue::LocalResourceSize(name) => store(role()?, instance, name)?.size_mb.to_string(),
        InstanceValue::EndpointProtocol(name) => endpoint(instance, name)?.protocol.to_string(),
        InstanceValue::EndpointAddress(name) => {
            endpoint(instance, name).map(|_| instance.address.to_string())?
        }
        InstanceValue::EndpointPort(name) => local_port(instance, name)?,
        InstanceValue::EndpointPublicPort(name) => public_port(instance, name)?,
    })
}

fn missing(instance: &PlannedInstance, kind: &'static str, name: &str) -> ValueError {
    ValueError::Missing { role: instance.role.to_string(), kind, name: name.to_owned() }
}

fn store<'a>(
    role: &'a PlannedRole,
    instance: &PlannedInstance,
    name: &LocalResourceName,
) -> Result<&'a LocalResource, ValueError> {
    let found = role.local_resources.iter().find(|store| store.name == *name);
    found.ok_or_else(|| missing(instance, "local store", name.as_str()))
}

fn endpoint<'a>(
    instance: &'a PlannedInstance,
    name: &EndpointName,
) -> Result<&'a PlannedEndpoint, ValueError> {
    let found = instance.endpoints.iter().find(|endpoint| endpoint.name == name.as_str());
    found.ok_or_else(|| missing(instance, "endpoint", name.as_str()))
}

fn local_port(instance: &PlannedInstance, name: &EndpointName) -> Result<String, ValueError> {
    match endpoint(instance, name)?.port {
        0 => Err(ValueError::NoOnePort { role: instance.role.to_string(), endpoint: name.to_string() }),
        port => Ok(port.to_string()),
    }
}

fn public_port(instance: &PlannedInstance, name: &EndpointName) -> Result<String, ValueError> {
    let port = endpoint(instance, name)?.public_port;
    let none = || ValueError::NoPublicPort { role: instance.role.to_string(), endpoint: name.to_string() };
    port.map(|port| port.to_string()).ok_or_else(none)
}
