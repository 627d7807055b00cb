//! What a plan consists of.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use wasm_roles_service_model::{
    Certificate, CertificateName, Content, Distribution, EntryPoint, EnvironmentVariable, InputProtocol,
    InternalProtocol, LocalResource, Port, PortRange, ProbeCheck, RoleKind, RoleName, Span, StartupTask,
    TopologyChangeDiscovery, Transport, VmSize,
};
use wasm_roles_virtual_network::{InstanceIndex, Policy};

use crate::PlanError;
use crate::limits::Limits;
use crate::policy::Compiler;
use crate::rehearsal::Rehearsal;
use crate::sites::PlannedSite;

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
    /// How instances learn of a change of the topology.
    pub topology_change_discovery: TopologyChangeDiscovery,
    /// How many upgrade domains there are, whether all of them have instances or not.
    pub upgrade_domains: NonZeroU32,
    /// Who may reach what.
    pub policy: Arc<Policy>,
    /// The policy without any instance.
    pub(crate) grants: Arc<Compiler>,
    /// The policy's grants, for questions about pairs of roles: [`Plan::traffic`].
    pub(crate) rehearsal: Arc<Rehearsal>,
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

    /// The policy for the time in which instances of an earlier plan still run beside those of this one: they may do what
    /// they could, until they have stopped. This plan's instances have the same indexes as in [`policy`](Self::policy).
    ///
    /// # Errors
    /// One of them has the id or the address of an instance of this plan.
    pub fn policy_beside<'a>(
        &'a self,
        leaving: impl IntoIterator<Item = &'a PlannedInstance>,
    ) -> Result<Arc<Policy>, PlanError> {
        self.with_leaving(Compiler::clone(&self.grants), leaving)
    }

    /// As [`policy_beside`](Self::policy_beside), for a time in which instances also run by what the definition of an `earlier`
    /// plan says: of their role they may do what either definition allows, and so may who reaches them. What is allowed goes by
    /// port: where both definitions name the same port of a role, whoever either admits may reach it on all of its instances.
    ///
    /// # Errors
    /// As [`policy_beside`](Self::policy_beside), and when the names of both definitions cannot be told apart.
    pub fn policy_between<'a>(
        &'a self,
        earlier: &Plan,
        leaving: impl IntoIterator<Item = &'a PlannedInstance>,
    ) -> Result<Arc<Policy>, PlanError> {
        self.with_leaving(self.grants.joined_with(&earlier.grants), leaving)
    }

    fn with_leaving<'a>(
        &'a self,
        mut compiler: Compiler,
        leaving: impl IntoIterator<Item = &'a PlannedInstance>,
    ) -> Result<Arc<Policy>, PlanError> {
        for instance in self.instances.iter().chain(leaving) {
            if let Some(role) = compiler.role(instance.role.as_str()) {
                compiler.instance(role, instance.id.as_str(), instance.ordinal, instance.address);
            }
        }
        Ok(compiler.build()?)
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
    /// The machine size, from which the limits of its instances come unless somebody put others over them.
    pub vm_size: VmSize,
    /// What an instance runs.
    pub entry: EntryPoint,
    /// What runs before it, each time that an instance starts; in the order of the definition.
    pub startup_tasks: Vec<StartupTask>,
    /// The variables of the role's program, in the order of the definition; [`instance_value`](crate::instance_value)
    /// tells those values that differ from instance to instance.
    pub environment: Vec<EnvironmentVariable>,
    /// What is copied into the role's folder, in the order of the definition.
    pub contents: Vec<Content>,
    /// Setting values by name.
    pub settings: BTreeMap<String, String>,
    /// Local stores in the order of the definition.
    pub local_resources: Vec<LocalResource>,
    /// The certificates that it declares, in the order of the definition, then those of modules.
    pub certificates: Vec<Certificate>,
    /// Endpoints in the order of the definition.
    pub endpoints: Vec<RoleEndpoint>,
    /// Web sites in the order of the definition; at least one for a web role, none for a worker role.
    pub sites: Vec<PlannedSite>,
    /// Whether other instances see this role's instances: it has an internal endpoint.
    pub discoverable: bool,
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
    /// The highest port of a range. Of several ranges, `port` and `port_max` give the first that is declared.
    pub port_max: Option<u16>,
    /// All ports that it opens, ascending, without overlaps, at least one. For `any` without a port: 1 to 65535.
    pub ranges: Vec<PortRange>,
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
    Deployment {
        /// The rule with `AllowAllTraffic` that names the endpoint; `None` when no rule names it.
        rule: Option<Span>,
    },
    /// Some roles of the deployment: an internal endpoint with traffic rules.
    Only {
        /// The roles, in the order of the definition; the endpoint's own role only if a rule lists it.
        roles: Vec<RoleName>,
        /// The rules that name the endpoint, at least one.
        rules: Vec<ReachRule>,
    },
}

/// A traffic rule that names an endpoint, and whom it admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachRule {
    /// The roles that it lists, in the order of the definition; none: it admits nobody.
    pub roles: Vec<RoleName>,
    /// Endpoints that it names beside this one: whoever it admits may reach them too.
    pub other_endpoints: usize,
    /// Where the definition has the rule.
    pub span: Span,
}

/// One instance of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedInstance {
    /// Unique in the plan.
    pub id: InstanceId,
    /// Its role.
    pub role: RoleName,
    /// Its number in the role, from 0. There is a gap where an instance was removed by name.
    pub ordinal: u32,
    /// Its address in the deployment's private network.
    pub address: Ipv4Addr,
    /// 0 or 1: instances that a fault of one machine could take together.
    pub fault_domain: u32,
    /// From 0: instances that an update takes down together.
    pub update_domain: u32,
    /// Its endpoints in the order of the definition.
    pub endpoints: Vec<PlannedEndpoint>,
    /// What it may use.
    pub limits: Limits,
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
    /// The certificate of the role that the endpoint names, for the other end of TLS; there for `https`.
    pub certificate: Option<CertificateName>,
    /// Where the instances listen.
    pub local_port: Port,
    /// The one instance that answers, for instance input endpoints; `None`: balanced over all of the role.
    pub instance: Option<InstanceId>,
    /// Which instances can answer.
    pub availability: Availability,
    /// Which connections, or senders of datagrams, stay with one instance.
    pub distribution: Distribution,
    /// After which time without traffic the balancer drops a connection; `None`: never.
    pub idle_timeout: Option<Duration>,
}

/// Which instances get connections of a public port (facts: sections 2.4 and 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Those in state Ready.
    Ready,
    /// All that run: `ignoreRoleInstanceStatus`.
    Running,
    /// Those that answer a probe, whatever their state is.
    Probed(PlannedProbe),
}

/// A probe of the load balancer, as one public port has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedProbe {
    /// Unique in the service.
    pub name: String,
    /// What is tried.
    pub check: ProbeCheck,
    /// The port of the instance that is tried.
    pub port: Port,
    /// The time between two tries.
    pub interval: Duration,
    /// The time without success after which an instance gets no connections.
    pub timeout: Duration,
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
