//! Why a model has no plan.

use thiserror::Error;
use wasm_roles_virtual_network::PolicyError;

use crate::InstanceId;

/// Why a model has no plan.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The private network of a deployment has not so many addresses.
    #[error("the configuration asks for {wanted} instances; a deployment has addresses for {capacity}")]
    TooManyInstances {
        /// Instances of all roles together.
        wanted: u64,
        /// Addresses of a deployment.
        capacity: u32,
    },
    /// Those that leave and those that come have to be there at the same time.
    #[error(
        "the configuration asks for {wanted} instances while {leaving} others still run; a deployment has addresses \
         for {capacity}"
    )]
    NoAddressLeft {
        /// Instances of all roles together.
        wanted: u64,
        /// Instances that run and that the configuration does not have any more.
        leaving: usize,
        /// Addresses of a deployment.
        capacity: u32,
    },
    /// The role's declared ports leave none for an endpoint without a fixed port.
    #[error(
        "endpoint {endpoint} of role {role} needs a port, but the role's fixed ports leave none from 20000 up"
    )]
    NoPortLeft {
        /// The role.
        role: String,
        /// The endpoint that needs a port.
        endpoint: String,
    },
    /// An instance shall go that is not there.
    #[error(
        "there is no instance {instance} to remove; list the instances with `status` and name one of them"
    )]
    NoSuchInstance {
        /// The instance.
        instance: InstanceId,
    },
    /// The range of public ports of an instance input endpoint ends before the instance's number.
    #[error(
        "instance {instance} would have no public port: instance input endpoint {endpoint} has {ports} of them; give it a \
         larger range, or remove the instance"
    )]
    NoPublicPort {
        /// The instance.
        instance: InstanceId,
        /// The endpoint.
        endpoint: String,
        /// How many ports its range has.
        ports: u32,
    },
    /// A placement is not that of a plan of this definition and configuration.
    #[error(
        "the placement does not fit the definition and the configuration: {what}; use the files that it was made with"
    )]
    Misplaced {
        /// What does not fit, as a sentence.
        what: String,
    },
    /// The roles and instances cannot be told apart on the network. The checks of the model exclude it.
    #[error("the traffic policy cannot be compiled")]
    Policy(#[from] PolicyError),
}
