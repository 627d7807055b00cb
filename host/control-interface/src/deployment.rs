//! Deployments and instances, as they stand.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::names::{DeploymentRef, TenantName};
use crate::operation::Operation;
use crate::refusal::Detail;
use crate::timestamp::Timestamp;

/// The answer to `GET /v1/services`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentList {
    /// The host's clock when it answered: what is `since` then is as old as the difference.
    pub now: Timestamp,
    /// The deployments of the tenant, by service and slot.
    pub deployments: Vec<DeploymentSummary>,
}

/// A deployment in one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSummary {
    /// Its place.
    pub deployment: DeploymentRef,
    /// Whose it is.
    pub tenant: TenantName,
    /// Its id: 32 hexadecimal digits, the same for its whole life.
    pub id: String,
    /// How it stands.
    pub state: DeploymentState,
    /// Since when.
    pub since: Timestamp,
    /// Which of its packages runs, from 1. An upgrade counts up; a roll-back goes back.
    pub revision: u64,
    /// Its roles, in the order of the definition.
    pub roles: Vec<RoleCount>,
    /// Its public ports, and where they listen.
    pub addresses: Vec<PublicAddress>,
    /// The operation that runs, without its instances.
    pub operation: Option<Operation>,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// It is being deployed or brought back.
    Starting,
    /// It runs, and no instance was stopped by order.
    Running,
    /// An operation changes it.
    Changing,
    /// All its instances were stopped by order.
    Stopped,
    /// It is being deleted.
    Deleting,
    /// It is not there, although it should be: what is on disk could not be brought back. `problems` says why.
    Failed,
}

impl DeploymentState {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Starting, Self::Running, Self::Changing, Self::Stopped, Self::Deleting, Self::Failed];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Changing => "changing",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many instances of a role there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCount {
    /// The role.
    pub role: String,
    /// Its instances.
    pub instances: u32,
    /// Those of them that are Ready.
    pub ready: u32,
}

/// A public port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddress {
    /// The endpoint.
    pub endpoint: String,
    /// Its role.
    pub role: String,
    /// The one instance that it leads to; none: all of the role.
    pub instance: Option<String>,
    /// `http`, `https`, `tcp` or `udp`.
    pub protocol: String,
    /// The port of the definition.
    pub port: u16,
    /// Where it listens.
    pub at: SocketAddr,
}

/// A deployment in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// The host's clock when it answered.
    pub now: Timestamp,
    /// As in the list.
    #[serde(flatten)]
    pub summary: DeploymentSummary,
    /// The name of the definition.
    pub definition: String,
    /// The name of the configuration; none: the definition's defaults.
    pub configuration: Option<String>,
    /// Whether there is something to go back to with a roll-back.
    pub can_roll_back: bool,
    /// All instances, in the order of the plan.
    pub instances: Vec<InstanceRow>,
    /// The last operations, the newest first. The first one may run.
    pub operations: Vec<Operation>,
    /// What somebody should look at.
    pub problems: Vec<Detail>,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InstanceState {
    /// Planned, not started yet.
    Created,
    /// An incarnation is being started.
    Starting,
    /// It takes traffic.
    Ready,
    /// It runs and takes no traffic.
    Busy,
    /// Its incarnation is ending or has ended, and another one will follow.
    Recycling,
    /// It was asked to stop.
    Stopping,
    /// Nothing of it runs.
    Stopped,
}

impl InstanceState {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Created,
        Self::Starting,
        Self::Ready,
        Self::Busy,
        Self::Recycling,
        Self::Stopping,
        Self::Stopped,
    ];

    /// Its name on the wire and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Starting => "Starting",
            Self::Ready => "Ready",
            Self::Busy => "Busy",
            Self::Recycling => "Recycling",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An instance in one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRow {
    /// Its id, such as `WebRole1_IN_0`.
    pub instance: String,
    /// Its role.
    pub role: String,
    /// Where it is in its life.
    pub state: InstanceState,
    /// Since when.
    pub since: Timestamp,
    /// How often it was recycled since it was created.
    pub restarts: u64,
    /// Why it was recycled last, as a sentence without subject. It may hold a guest's words.
    pub reason: Option<String>,
    /// The last lines of standard error before that: a guest's words.
    pub last_words: Vec<String>,
    /// Its upgrade domain.
    pub update_domain: u32,
    /// Its fault domain.
    pub fault_domain: u32,
    /// Its address in the network of its deployment.
    pub address: Ipv4Addr,
    /// Its endpoints.
    pub endpoints: Vec<EndpointRow>,
    /// The package that it runs.
    pub revision: u64,
    /// It was stopped by order, and stays so until it is started by order.
    pub held: bool,
}

/// An endpoint of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// Its name.
    pub name: String,
    /// `input`, `instance-input` or `internal`.
    pub kind: String,
    /// `http`, `https`, `tcp`, `udp` or `any`.
    pub protocol: String,
    /// Its first port at the instance's address; 0: none of its own.
    pub port: u16,
    /// Its last port, if it has several.
    pub port_max: Option<u16>,
    /// The public port that leads to it.
    pub public_port: Option<u16>,
}

/// The answer to `GET …/top`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopTable {
    /// The host's clock when the numbers were read.
    pub now: Timestamp,
    /// All instances, in the order of the plan.
    pub rows: Vec<TopRow>,
}

/// What an instance uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopRow {
    /// Its id.
    pub instance: String,
    /// Its role.
    pub role: String,
    /// Where it is in its life.
    pub state: InstanceState,
    /// Processor time since it was created, in milliseconds. Two readings give a share.
    pub cpu_millis: u64,
    /// What it holds of its memory limit now, in bytes.
    pub memory_bytes: u64,
    /// Its memory limit, in bytes.
    pub memory_limit_bytes: u64,
    /// Connections that its endpoints have taken since it was created.
    pub connections: u64,
    /// Bytes that came in through its endpoints.
    pub bytes_in: u64,
    /// Bytes that went out through its endpoints.
    pub bytes_out: u64,
    /// How often it was recycled.
    pub restarts: u64,
}

/// The answer to `GET …/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who wants to talk: a role, or `Internet`.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Whether every endpoint that was asked for is open to it.
    pub allowed: bool,
    /// An answer for each endpoint that was asked for.
    pub answers: Vec<ExplainedEndpoint>,
}

/// Whether one endpoint is open to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedEndpoint {
    /// Whether it is.
    pub allowed: bool,
    /// The rule, where it stands, and what would change it: text of several lines for people.
    pub text: String,
}
