//! What a plan consists of.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use wasm_roles_service_model::{
    EntryPoint, InputProtocol, InternalProtocol, LocalResource, Port, RoleKind, RoleName, Span, Transport,
};
use wasm_roles_virtual_network::{InstanceIndex, Policy};

/// A deployment, decided.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The service's name.
    pub service: String,
    /// Roles in the order of the definition, at least one.
    pub roles: Vec<PlannedRole>,
    /// Instances in the order of their roles, then by ordinal; may be empty.
    pub instances: Vec<PlannedInstance>,
    /// Public ports by number, then transport.
    pub public: Vec<PublicPort>,
    /// Who may reach what.
    pub policy: Arc<Policy>,
}

impl Plan {
    /// The role of this name.
    pub fn role(&self, name: &RoleName) -> Option<&PlannedRole> {
        self.roles.iter().find(|role| role.name == *name)
    }

    /// The instance of this id.
    pub fn instance(&self, id: &InstanceId) -> Option<&PlannedInstance> {
        self.instances.iter().find(|instance| instance.id == *id)
    }
}

/// What all instances of a role have in common.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PlannedRole {
    /// Unique in the plan.
    pub name: RoleName,
    /// Web or worker.
    pub kind: RoleKind,
    /// What an instance runs.
    pub entry: EntryPoint,
    /// Setting values by name.
    pub settings: BTreeMap<String, String>,
    /// Local stores in the order of the definition.
    pub local_resources: Vec<LocalResource>,
    /// Endpoints in the order of the definition.
    pub endpoints: Vec<RoleEndpoint>,
    /// Whether other instances see this role's instances: it has an internal endpoint.
    pub discoverable: bool,
    /// Memory limit of each instance in bytes, from the machine size.
    pub memory_bytes: u64,
    /// Where the definition declares the role.
    pub span: Span,
}

/// An endpoint as all instances of its role have it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleEndpoint {
    /// Unique in its role.
    pub name: String,
    /// Its kind.
    pub kind: EndpointKind,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The port that the instance listens on, the lowest of a range; 0 for `any` without a port: every port.
    pub port: u16,
    /// The highest port of a range. Of several ranges, `port` and `port_max` give the first; the policy has all.
    pub port_max: Option<u16>,
    /// The public port of an input endpoint. Instance input endpoints have one for each instance:
    /// [`PlannedEndpoint::public_port`].
    pub public_port: Option<u16>,
    /// Who may reach it.
    pub reach: Reach,
    /// Where the definition declares the endpoint.
    pub span: Span,
}

/// Who may reach an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everyone, from outside and from inside: input and instance input endpoints.
    Public,
    /// Every role of the deployment: an internal endpoint that no traffic rule restricts.
    Deployment,
    /// Some roles of the deployment: an internal endpoint with traffic rules.
    Only {
        /// The roles, in the order of the definition; the endpoint's own role only if a rule lists it.
        roles: Vec<RoleName>,
        /// The rules that name the endpoint, at least one.
        rules: Vec<Span>,
    },
}

/// One instance of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedInstance {
    /// Unique in the plan.
    pub id: InstanceId,
    /// Its role.
    pub role: RoleName,
    /// Its number in the role, from 0 without gaps.
    pub ordinal: u32,
    /// Its address in the deployment's private network.
    pub address: Ipv4Addr,
    /// 0 or 1: instances that a fault of one machine could take together.
    pub fault_domain: u32,
    /// From 0: instances that an update takes down together.
    pub update_domain: u32,
    /// Its endpoints in the order of the definition.
    pub endpoints: Vec<PlannedEndpoint>,
    /// Its index in the policy.
    pub index: InstanceIndex,
}

/// An endpoint of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedEndpoint {
    /// Unique in its role.
    pub name: String,
    /// Its kind.
    pub kind: EndpointKind,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// As [`RoleEndpoint::port`].
    pub port: u16,
    /// As [`RoleEndpoint::port_max`].
    pub port_max: Option<u16>,
    /// The public port that leads here: the role's for input endpoints, the instance's own for instance input ones.
    pub public_port: Option<u16>,
}

/// A public port of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicPort {
    /// Its number.
    pub port: Port,
    /// TCP or UDP.
    pub transport: Transport,
    /// The role that answers.
    pub role: RoleName,
    /// The role's endpoint.
    pub endpoint: String,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Where the instances listen.
    pub local_port: Port,
    /// The one instance that answers, for instance input endpoints; `None`: balanced over all of the role.
    pub instance: Option<InstanceId>,
}

/// The kinds of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// Public, balanced.
    Input,
    /// Public, one port for each instance.
    InstanceInput,
    /// Inside the deployment only.
    Internal,
}

impl fmt::Display for EndpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EndpointKind::Input => "input",
            EndpointKind::InstanceInput => "instance-input",
            EndpointKind::Internal => "internal",
        })
    }
}

/// Protocols of all kinds of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS over TCP; input endpoints only.
    Https,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// TCP and UDP; internal endpoints only.
    Any,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Any => "any",
        })
    }
}

impl From<InputProtocol> for Protocol {
    fn from(protocol: InputProtocol) -> Self {
        match protocol {
            InputProtocol::Http => Protocol::Http,
            InputProtocol::Https => Protocol::Https,
            InputProtocol::Tcp => Protocol::Tcp,
            InputProtocol::Udp => Protocol::Udp,
        }
    }
}

impl From<InternalProtocol> for Protocol {
    fn from(protocol: InternalProtocol) -> Self {
        match protocol {
            InternalProtocol::Http => Protocol::Http,
            InternalProtocol::Tcp => Protocol::Tcp,
            InternalProtocol::Udp => Protocol::Udp,
            InternalProtocol::Any => Protocol::Any,
        }
    }
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        }
    }
}

/// The id of an instance: `<role>_IN_<ordinal>`, e.g. `WebRole1_IN_0`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// The id of a role's instance.
    pub fn new(role: &RoleName, ordinal: u32) -> Self {
        InstanceId(Arc::from(format!("{role}_IN_{ordinal}")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
