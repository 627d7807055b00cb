//! Why a model has no plan.

use thiserror::Error;
use wasm_roles_virtual_network::PolicyError;

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
    /// The roles and instances cannot be told apart on the network. The checks of the model exclude it.
    #[error("the traffic policy cannot be compiled")]
    Policy(#[from] PolicyError),
}
