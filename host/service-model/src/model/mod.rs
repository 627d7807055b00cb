//! The model: a service as its definition and configuration describe it, valid by construction.
//!
//! Only [`crate::load`] makes a [`ServiceModel`]. What it holds keeps these promises, so that whoever reads it needs
//! no second look: role names are unique without regard to ASCII case and no role is called like another one's
//! instance; endpoint, setting and store names are unique in their role; traffic rules name internal endpoints
//! that exist; bindings name endpoints of their own role; public ports are unique per transport; a web role has an
//! HTTP or HTTPS input endpoint; the documented limits hold; every declared setting has a value.

mod endpoint;
mod name;
mod port;
mod role;
mod traffic;
mod vm_size;

use std::num::NonZeroU32;

pub use endpoint::{
    Endpoint, EndpointKind, InputEndpoint, InputProtocol, InstanceInputEndpoint, InternalEndpoint,
    InternalPorts, InternalProtocol, Transport,
};
pub use name::{
    BindingName, EndpointName, LocalResourceName, NameError, RoleName, ServiceName, SettingName, SiteName,
};
pub use port::{LocalPort, Port, PortRange};
pub use role::{Binding, EntryPoint, LocalResource, Role, RoleKind, Site};
pub use traffic::{Admission, Sources, TrafficRule};
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
}
