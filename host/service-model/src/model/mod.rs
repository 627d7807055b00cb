//! The model: a service as its definition and configuration describe it, valid by construction.
//!
//! Only [`crate::load`] makes a [`ServiceModel`]. What it holds keeps these promises, so that whoever reads it needs
//! no second look: role names are unique without regard to ASCII case and no role is called like another one's
//! instance; endpoint, setting and store names are unique in their role; traffic rules name internal endpoints
//! that exist; bindings name endpoints of their own role and no two claim the same one for the same host; variables
//! take their values from things that the role has, or that a module which it imports may add; endpoints name probes
//! and certificates that exist, and balancers that a configuration, when there is one, has; public ports are unique
//! per transport; a web role has an HTTP or HTTPS input endpoint; the documented limits hold, unless the options say
//! that they need not; every declared setting has a value; what the configuration says about the network is about
//! roles and endpoints that exist.

mod certificate;
mod component_file;
mod content;
mod endpoint;
mod guest;
mod import;
mod name;
mod network;
mod port;
mod probe;
mod role;
mod site;
mod startup;
mod subnet;
mod traffic;
mod variable;
mod vm_size;

use std::num::NonZeroU32;

pub use certificate::{Certificate, PermissionLevel, StoreLocation, Thumbprint, ThumbprintError};
pub use component_file::{component_file, path_inside};
pub use content::Content;
pub use endpoint::{
    Distribution, Endpoint, EndpointKind, InputEndpoint, InputProtocol, InstanceInputEndpoint,
    InternalEndpoint, InternalPorts, InternalProtocol, Transport,
};
pub use guest::GuestSettings;
pub use import::Import;
pub use name::{
    AccessControlName, BindingName, CertificateName, CertificateStoreName, DnsServerName, EndpointName,
    LoadBalancerName, LocalResourceName, ModuleName, NameError, ProbeName, PublicIpName, ReservedIpName,
    RoleName, SecurityGroupName, ServiceName, SettingName, SiteName, SubnetName, VariableName,
    VirtualDirectoryName, VirtualNetworkName, VmNamePrefix,
};
pub use network::{
    AccessAction, AccessControl, AccessRule, DnsServer, EndpointAcl, InstanceAddress, LoadBalancer,
    NetworkConfiguration, PublicIp, SecurityGroupRef,
};
pub use port::{LocalPort, Port, PortRange};
pub use probe::{LoadBalancerProbe, ProbeCheck};
pub use role::{EntryPoint, LocalResource, Role, RoleKind};
pub use site::{Binding, Site, VirtualDirectory, VirtualDirectoryKind};
pub use startup::{StartupTask, TaskKind};
pub use subnet::{Subnet, SubnetError};
pub use traffic::{Admission, Sources, TrafficRule};
pub use variable::{EnvironmentVariable, InstanceValue, VariableValue, XPathError};
pub use vm_size::VmSize;

/// A role of one model: its position in [`ServiceModel::roles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(pub(crate) usize);

impl RoleId {
    /// The position in [`ServiceModel::roles`].
    pub fn position(self) -> usize {
        self.0
    }
}

/// An endpoint of one model: its role and its position in [`Role::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId {
    pub(crate) role: RoleId,
    pub(crate) position: usize,
}

impl EndpointId {
    /// The role that declares the endpoint.
    pub fn role(self) -> RoleId {
        self.role
    }

    /// The position in [`Role::endpoints`].
    pub fn position(self) -> usize {
        self.position
    }
}

/// A probe of one model: its position in [`ServiceModel::probes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub(crate) usize);

impl ProbeId {
    /// The position in [`ServiceModel::probes`].
    pub fn position(self) -> usize {
        self.0
    }
}

/// How instances learn of a change of the topology (facts: service definition, root).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TopologyChangeDiscovery {
    /// One upgrade domain after the other. The default.
    #[default]
    UpgradeDomainWalk,
    /// All instances at once.
    Blast,
}

/// A service: its roles, how many instances of each, what they may reach, and their settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceModel {
    pub(crate) name: ServiceName,
    pub(crate) upgrade_domain_count: NonZeroU32,
    pub(crate) topology_change_discovery: TopologyChangeDiscovery,
    pub(crate) roles: Vec<Role>,
    pub(crate) rules: Vec<TrafficRule>,
    pub(crate) probes: Vec<LoadBalancerProbe>,
    pub(crate) network: NetworkConfiguration,
    pub(crate) guest: GuestSettings,
}

impl ServiceModel {
    /// The service's name.
    pub fn name(&self) -> &ServiceName {
        &self.name
    }

    /// Upgrade domains of the deployment: 1 to 20, default 5.
    pub fn upgrade_domain_count(&self) -> NonZeroU32 {
        self.upgrade_domain_count
    }

    /// How instances learn of a change of the topology.
    pub fn topology_change_discovery(&self) -> TopologyChangeDiscovery {
        self.topology_change_discovery
    }

    /// The roles in the order of the definition, at least one.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The roles with the ids that rules use for them.
    pub fn roles_with_ids(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        self.roles.iter().enumerate().map(|(position, role)| (RoleId(position), role))
    }

    /// A role of this model; `None` only for an id that another model made.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(id.0)
    }

    /// An endpoint of this model; `None` only for an id that another model made.
    pub fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.role(id.role)?.endpoints.get(id.position)
    }

    /// The traffic rules of all `NetworkTrafficRules` blocks, in the order of the definition.
    pub fn rules(&self) -> &[TrafficRule] {
        &self.rules
    }

    /// The probes of the load balancer, in the order of the definition.
    pub fn probes(&self) -> &[LoadBalancerProbe] {
        &self.probes
    }

    /// The network around the deployment.
    pub fn network(&self) -> &NetworkConfiguration {
        &self.network
    }

    /// The machines that instances ran on.
    pub fn guest(&self) -> &GuestSettings {
        &self.guest
    }

    /// A probe of this model; `None` only for an id that another model made.
    pub fn probe(&self, id: ProbeId) -> Option<&LoadBalancerProbe> {
        self.probes.get(id.0)
    }
}
