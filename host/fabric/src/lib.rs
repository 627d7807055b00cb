//! The fabric: runs services of many role instances.
//!
//! A [`Deployment`] is a plan that runs. [`Deployment::start`] finds and loads the components of the roles, binds the public
//! ports, and starts every instance under a supervisor of its own. What happens comes out as one stream of
//! [`Events`].
//!
//! ```text
//!                public port ──► balancer ──┐  hands over the accepted connection itself
//!                                           ▼
//! Plan ──► supervisor ──► incarnation ◄── rotation of the role's ready instances
//!              │               │
//!              └── narrator ◄──┘ output          herald ◄── denials, refused connections
//!                      └──────────► Events ◄────────┘
//! ```
//!
//! [`Deployment::change`] gives running instances another configuration, one upgrade domain after the other ([`change`]).
//! [`Deployment::upgrade`] gives them another definition and other components in the same way ([`mod@upgrade`]).
//!
//! The rules are pure functions, tested by tables: [`lifecycle`] (when an instance is started, recycled and stopped),
//! [`rotation`] (whose turn it is), [`affinity`] (which connections stay together), [`probe::health`] (who answers a probe
//! of the load balancer), [`approot`] (which file is a role's component), [`contents`] (what is copied into a
//! role's folder), [`overlap`] (which folders no role may see), [`view`](mod@view) (what an instance can find out about its deployment).
//!
//! An embedder gives the clock and the seed; nothing here reads the system clock or draws random numbers, and every wait is
//! a timer of tokio. It is a library for test beds first; the command line is one of its callers.

pub mod affinity;
pub mod approot;
mod backends;
mod balancer;
pub mod certificates;
pub mod change;
mod checks;
mod components;
pub mod contents;
mod conversation;
mod copies;
pub mod data_folder;
pub mod datagrams;
mod departures;
mod deployment;
mod door;
mod entry;
mod events;
mod hairpin;
mod instances;
mod launch;
pub mod lifecycle;
mod limits;
mod lobby;
mod members;
mod narrator;
mod orders;
pub mod overlap;
pub mod probe;
pub mod progress;
mod public_ports;
mod public_socket;
mod publish;
mod removal;
pub mod rotation;
mod same_files;
pub mod sites;
mod start_error;
mod starter;
mod status_board;
mod storage;
mod supervisor;
pub mod swap;
mod tally;
mod tasks;
#[cfg(test)]
mod test_certificates;
#[cfg(test)]
mod test_plans;
mod tls;
pub mod upgrade;
mod usage;
mod variables;
mod version;
pub mod view;
mod waiting;

pub use certificates::{
    CertificateFolder, CertificateNotice, CertificateOptions, DevelopmentCertificates, Tls,
};
pub use data_folder::{DataFolder, DataFolderError};
pub use datagrams::DatagramLoss;
pub use deployment::{
    DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, StopSummary, StoppedInstance, WebOptions,
};
pub use events::{DeniedEvent, Event, EventKind, Events, OutputStream};
pub use lifecycle::Status;
pub use orders::OrderError;
pub use probe::{PROBE_ADDRESS, ProbeFailure};
pub use progress::{WalkKind, WalkPhase, WalkProgress};
pub use publish::{Publication, PublishError, Published};
pub use removal::remove_tree;
pub use start_error::{Problem, StartError};
pub use starter::deployment_id;
pub use status_board::{InstanceStatus, Recycled, Statuses};
pub use swap::{Exchange, SwapError, SwapSummary, swap};
pub use tls::HandshakeFailure;
pub use upgrade::{DEFAULT_HEALTH, Pace, RolledBack, Upgrade, UpgradeError, UpgradeOutcome, UpgradeSummary};
pub use usage::{InstanceUsage, Usages};
pub use variables::VariableError;
pub use waiting::CONNECTION_WAIT;
/// What a file is, told from its bytes.
pub mod inspection {
    pub use wasm_roles_role_runtime::{
        Broken, ComponentDigest, Export, ExportedFunction, Form, Import, Inspection, Refusal, RoleShape, Use,
        WasiVersion, read_component,
    };
}

pub use components::component_files;
pub use wasm_roles_role_runtime::{
    Clock, CompileListener, CompileNews, DEFAULT_CACHE_BYTES, End, Line, LoadError, ProgramEnd, ReachedLimit,
    RoleEvent, Runtime, RuntimeError, RuntimeOptions, Seed, WebInstances,
};
/// The network of a deployment: faults, counters and captures.
pub use wasm_roles_virtual_network as virtual_network;
pub use wasm_roles_web_server::AccessLogFormat;
