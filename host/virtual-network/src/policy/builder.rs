//! From what a definition grants to the compiled policy.

use std::net::Ipv4Addr;
use std::sync::Arc;

use thiserror::Error;

use super::address::AddressIndex;
use super::name::{NameTable, Named};
use super::outbound::OutboundRules;
use super::ports::PortMap;
use super::role_set::RoleSet;
use super::{
    AddressRange, Endpoint, Instance, InstanceIndex, Policy, PolicyMode, PortRange, PublicSide, Role,
    RoleIndex,
};
use super::{Origin, Transport, Transports};

/// Who may reach an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An input endpoint: anyone, other instances of the deployment too. Traffic rules never touch it.
    Public,
    /// An internal endpoint without a traffic rule: every role of the deployment.
    Deployment,
    /// An internal endpoint with traffic rules: the roles that one of them lists. Instances of the endpoint's
    /// own role need listing too. An empty list admits nobody.
    Only {
        /// The listed roles.
        roles: Vec<RoleIndex>,
        /// Where the rules stand.
        origin: Origin,
    },
}

/// One endpoint of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGrant {
    /// Its name, for messages.
    pub name: String,
    /// The transports that it admits.
    pub transports: Transports,
    /// Its ports.
    pub ports: PortRange,
    /// Who may reach it.
    pub audience: Audience,
}

/// Collects roles, endpoints and instances; [`build`](Self::build) checks and compiles them.
///
/// Indices count up from zero in the order of the calls.
#[derive(Clone, Debug, Default)]
pub struct PolicyBuilder {
    roles: Vec<String>,
    endpoints: Vec<(RoleIndex, EndpointGrant)>,
    instances: Vec<NewInstance>,
    public_side: Option<PublicSide>,
    subnet: Option<AddressRange>,
}

#[derive(Clone, Debug)]
struct NewInstance {
    role: RoleIndex,
    id: String,
    ordinal: u32,
    address: Ipv4Addr,
}

/// Why a policy cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A name of a role or an instance stands for two things. Names compare without ASCII case, and the names
    /// `<role>`, `<instance id>` and `<n>.<role>` share one space.
    #[error("the name {name} stands for more than one role or instance, or for the service itself")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Two instances, or one and the public side, have one address.
    #[error("two instances have the address {address}")]
    DuplicateAddress {
        /// The address.
        address: Ipv4Addr,
    },
    /// An instance has an address that means something else: loopback, unspecified, multicast or broadcast.
    #[error("instance {id} cannot have the address {address}")]
    UnusableAddress {
        /// The instance.
        id: String,
        /// The address.
        address: Ipv4Addr,
    },
    /// An endpoint, a rule or an instance refers to a role of another policy.
    #[error("{by} refers to a role that this policy does not have")]
    UnknownRole {
        /// The endpoint or instance that refers to it.
        by: String,
    },
    /// More roles or instances than indices can tell apart.
    #[error("a policy has at most 65,535 roles and 4,294,967,295 instances")]
    TooLarge,
}

impl PolicyBuilder {
    /// Adds a role.
    pub fn role(&mut self, name: &str) -> RoleIndex {
        let index = RoleIndex(u16::try_from(self.roles.len()).unwrap_or(u16::MAX));
        self.roles.push(name.to_owned());
        index
    }

    /// Adds an endpoint to a role. Ports of endpoints may overlap: each is a grant of its own and none takes
    /// another away.
    pub fn endpoint(&mut self, role: RoleIndex, grant: EndpointGrant) {
        self.endpoints.push((role, grant));
    }

    /// Adds an instance: the `ordinal`-th of its role, counted from zero, at `address`.
    pub fn instance(&mut self, role: RoleIndex, id: &str, ordinal: u32, address: Ipv4Addr) -> InstanceIndex {
        let index = InstanceIndex(u32::try_from(self.instances.len()).unwrap_or(u32::MAX));
        self.instances.push(NewInstance { role, id: id.to_owned(), ordinal, address });
        index
    }

    /// Gives the deployment a public side that its own instances can reach.
    pub fn public_side(&mut self, public_side: PublicSide) {
        self.public_side = Some(public_side);
    }

    /// Says which addresses are the deployment's, whether an instance has them or not: no rule leads out to them.
    pub fn subnet(&mut self, subnet: AddressRange) {
        self.subnet = Some(subnet);
    }

    /// Checks and compiles.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] says which part contradicts another.
    pub fn build(self) -> Result<Policy, PolicyError> {
        if self.roles.len() > usize::from(u16::MAX) || u32::try_from(self.instances.len()).is_err() {
            return Err(PolicyError::TooLarge);
        }
        self.check_references()?;
        let names = self.names()?;
        let instances = self.compile_instances()?;
        let addresses = instances.iter().zip(0..).map(|(instance, n)| (instance.address, InstanceIndex(n)));
        let addresses = AddressIndex::new(addresses.collect())
            .map_err(|address| PolicyError::DuplicateAddress { address })?;
        let public = self.public_side.as_ref().map(|public| public.address);
        if let Some(address) = public.filter(|address| addresses.find(*address).is_some()) {
            return Err(PolicyError::DuplicateAddress { address });
        }
        let mut roles = compile_roles(&self.roles, &self.endpoints);
        for (instance, n) in instances.iter().zip(0..) {
            if let Some(role) = roles.get_mut(usize::from(instance.role.0)) {
                role.instances.push(InstanceIndex(n));
            }
        }
        let Self { public_side, subnet, .. } = self;
        Ok(Policy { roles, instances, addresses, names, public_side, subnet, mode: PolicyMode::default() })
    }

    fn check_references(&self) -> Result<(), PolicyError> {
        let known = |role: RoleIndex| usize::from(role.0) < self.roles.len();
        for (role, grant) in &self.endpoints {
            let rules_known = match &grant.audience {
                Audience::Only { roles, .. } => roles.iter().all(|role| known(*role)),
                Audience::Public | Audience::Deployment => true,
            };
            if !known(*role) || !rules_known {
                return Err(PolicyError::UnknownRole { by: format!("endpoint {}", grant.name) });
            }
        }
        match self.instances.iter().find(|instance| !known(instance.role)) {
            Some(instance) => Err(PolicyError::UnknownRole { by: format!("instance {}", instance.id) }),
            None => Ok(()),
        }
    }

    fn names(&self) -> Result<NameTable, PolicyError> {
        let mut names = NameTable::default();
        let mut add = |name: String, named| match names.add(&name, named) {
            true => Ok(()),
            false => Err(PolicyError::DuplicateName { name }),
        };
        for (role, n) in self.roles.iter().zip(0..) {
            add(role.clone(), Named::Role(RoleIndex(n)))?;
        }
        if let Some(public) = &self.public_side {
            add(public.name.clone(), Named::PublicSide)?;
        }
        for (instance, n) in self.instances.iter().zip(0..) {
            let named = Named::Instance(InstanceIndex(n));
            add(instance.id.clone(), named)?;
            if let Some(role) = self.roles.get(usize::from(instance.role.0)) {
                add(format!("{}.{role}", instance.ordinal), named)?;
            }
        }
        Ok(names)
    }

    fn compile_instances(&self) -> Result<Vec<Instance>, PolicyError> {
        let compile = |new: &NewInstance| {
            let address = new.address;
            if address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
            {
                return Err(PolicyError::UnusableAddress { id: new.id.clone(), address });
            }
            Ok(Instance { id: new.id.as_str().into(), role: new.role, address })
        };
        self.instances.iter().map(compile).collect()
    }
}

fn compile_roles(names: &[String], grants: &[(RoleIndex, EndpointGrant)]) -> Vec<Role> {
    let mut grouped: Vec<Vec<&EndpointGrant>> = names.iter().map(|_| Vec::new()).collect();
    for (role, grant) in grants {
        if let Some(group) = grouped.get_mut(usize::from(role.0)) {
            group.push(grant);
        }
    }
    names.iter().zip(grouped).map(|(name, grants)| compile_role(name, &grants)).collect()
}

fn compile_role(name: &str, grants: &[&EndpointGrant]) -> Role {
    let ports = |transport: Transport| {
        let admitting = grants.iter().enumerate().filter(|(_, grant)| grant.transports.admits(transport));
        PortMap::new(&admitting.map(|(position, grant)| (position, grant.ports)).collect::<Vec<_>>())
    };
    Role {
        name: name.into(),
        tcp: ports(Transport::Tcp),
        udp: ports(Transport::Udp),
        discoverable: grants.iter().any(|grant| grant.audience != Audience::Public),
        endpoints: grants.iter().map(|grant| compile_endpoint(grant)).collect(),
        instances: Vec::new(),
        outbound: OutboundRules::default(),
    }
}

fn compile_endpoint(grant: &EndpointGrant) -> Endpoint {
    Endpoint {
        name: Arc::from(grant.name.as_str()),
        admitted: RoleSet::of(&grant.audience),
        origin: match &grant.audience {
            Audience::Only { origin, .. } => Some(origin.clone()),
            Audience::Public | Audience::Deployment => None,
        },
    }
}
