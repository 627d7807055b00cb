//! The plan: everything about a deployment that is decided before anything runs.
//!
//! [`plan`] is a pure function of a [`ServiceModel`]: the same model gives the same plan, on every machine. It
//! decides each instance's id, address, ports, fault and upgrade domain, the table of public ports, and compiles the
//! traffic rules into the policy that the virtual network asks. Nothing else decides an address or a permission.
//! [`explain_denial`] goes the way back: from a denial to the rule, its line, and what would allow it.

mod addresses;
mod denial;
mod error;
mod planner;
mod policy;
mod ports;
mod types;

pub use denial::{Explanation, explain_denial};
pub use error::PlanError;
pub use planner::plan;
pub use types::{
    EndpointKind, InstanceId, Plan, PlannedEndpoint, PlannedInstance, PlannedRole, Protocol, PublicPort,
    Reach, RoleEndpoint,
};
pub use wasm_roles_service_model::{
    EntryPoint, LocalResource, Port, RoleKind, RoleName, ServiceModel, Span, Transport,
};
