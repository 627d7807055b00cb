//! The plan: everything about a deployment that is decided before anything runs.
//!
//! [`plan`] is a pure function of a [`ServiceModel`]: the same model gives the same plan, on every machine. It
//! decides each instance's id, address, ports, fault and upgrade domain, the table of public ports, and compiles the
//! traffic rules into the policy that the virtual network asks. Nothing else decides an address or a permission.
//!
//! What a plan can be asked: [`Plan::traffic`], who may reach which endpoint; [`explain`], why, and what would change
//! it; [`explain_denial`], the way back from a denial at run time to the rule; [`graph`], the same as a drawing;
//! [`document`], the whole plan for programs; [`instance_value`], what a `RoleInstanceValue` selects.

mod addresses;
mod denial;
mod document;
mod error;
mod explain;
mod graph;
mod instance_value;
mod planner;
mod policy;
mod ports;
mod rehearsal;
mod traffic;
mod types;
mod xml;

pub use denial::{Explanation, explain_denial};
pub use document::{Publish, document};
pub use error::PlanError;
pub use explain::{Answer, Change, ExplainError, Explained, INTERNET, explain};
pub use graph::{Graph, graph};
pub use instance_value::{InstanceFacts, ValueError, instance_value};
pub use planner::plan;
pub use traffic::{Because, TrafficEntry, Way};
pub use types::{
    Availability, EndpointKind, InstanceId, Limits, Plan, PlannedEndpoint, PlannedInstance, PlannedProbe,
    PlannedRole, Protocol, PublicPort, Reach, ReachRule, RoleEndpoint,
};
pub use wasm_roles_service_model::{
    Content, Distribution, EntryPoint, EnvironmentVariable, LocalResource, Port, ProbeCheck, RoleKind,
    RoleName, ServiceModel, Span, StartupTask, TaskKind, TopologyChangeDiscovery, Transport, VariableValue,
};
