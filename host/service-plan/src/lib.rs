//! The plan: everything about a deployment that is decided before anything runs.
//!
//! [`plan`] is a pure function of a [`ServiceModel`]: the same model gives the same plan, on every machine. It
//! decides each instance's id, address, ports, fault and upgrade domain, the table of public ports, and compiles the
//! traffic rules into the policy that the virtual network asks. Nothing else decides an address or a permission.
//!
//! [`plan_after`] decides the next configuration of a deployment that runs: the instances that both have stay what they
//! are, and [`Plan::policy_beside`] is the policy for the time while the ones come and the others leave. The next configuration may
//! be one of another definition: [`in_place`] says whether the instances that run can be led to it. [`plan_placed`] makes a plan
//! again from what is kept of it, a [`Placement`].
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
mod in_place;
mod instance_value;
mod limits;
mod missing_rules;
mod ordinals;
mod placement;
mod planner;
mod policy;
mod ports;
mod public_side;
mod rehearsal;
mod sites;
mod traffic;
mod types;
mod xml;

pub use denial::{Explanation, explain_denial};
pub use document::{Publish, document, granted_document};
pub use error::PlanError;
pub use explain::{
    Answer, Change, ExplainError, Explained, ExplainedOutbound, INTERNET, OutboundAnswer, explain,
    explain_outbound,
};
pub use graph::{Graph, graph};
pub use in_place::{InPlace, NotInPlace, in_place};
pub use instance_value::{InstanceFacts, ValueError, instance_value};
pub use limits::{LimitError, LimitName, LimitOverride, Limits, bytes_from_words, bytes_in_words};
pub use missing_rules::{MissingRules, missing_rules};
pub use placement::{Placement, plan_placed};
pub use planner::{plan, plan_after, plan_after_removing};
pub use sites::{LEGACY_SITE, PlannedBinding, PlannedPlace, PlannedSite};
pub use traffic::{Because, TrafficEntry, Way};
pub use types::{
    Availability, EndpointKind, InstanceId, Plan, PlannedEndpoint, PlannedInstance, PlannedProbe,
    PlannedRole, Protocol, PublicPort, Reach, ReachRule, RoleEndpoint,
};
pub use wasm_roles_service_model::{
    Certificate, CertificateName, Content, Distribution, EntryPoint, EnvironmentVariable, LocalResource,
    PermissionLevel, Port, ProbeCheck, RoleKind, RoleName, ServiceModel, Span, StartupTask, TaskKind,
    Thumbprint, TopologyChangeDiscovery, Transport, VariableValue, VirtualDirectoryKind, VmSize,
    component_file, path_inside,
};
