//! The roles of a deployment that is only described.

use std::net::{IpAddr, Ipv4Addr};

use crate::{Endpoint, EndpointKind, Protocol, RoleInfo, RoleInstance};

const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

/// A role as a service definition would declare it, and how many instances it has.
///
/// Its instances get what the fabric gives: addresses from 10.0.0.4 on, in the order of the roles and instances; the
/// fault domain `n mod 2` and the upgrade domain `n mod 5` (facts: section 7.6).
#[derive(Clone, Debug)]
pub struct DefinedRole {
    name: String,
    instances: u32,
    endpoints: Vec<DefinedEndpoint>,
}

#[derive(Clone, Debug)]
struct DefinedEndpoint {
    name: String,
    kind: EndpointKind,
    protocol: Protocol,
    port: u16,
    public_port: Option<u16>,
}

impl DefinedRole {
    /// A role with one instance and no endpoints.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), instances: 1, endpoints: Vec::new() }
    }

    /// The same with so many instances.
    #[must_use]
    pub const fn instances(mut self, count: u32) -> Self {
        self.instances = count;
        self
    }

    /// The same with an endpoint for the public, on one port inside and outside.
    #[must_use]
    pub fn input_endpoint(self, name: impl Into<String>, protocol: Protocol, port: u16) -> Self {
        self.endpoint(name, EndpointKind::Input, protocol, port, Some(port))
    }

    /// The same with an endpoint that is public for each instance: that of instance `n` is `first_public_port + n` outside.
    #[must_use]
    pub fn instance_input_endpoint(
        self,
        name: impl Into<String>,
        protocol: Protocol,
        port: u16,
        first_public_port: u16,
    ) -> Self {
        self.endpoint(name, EndpointKind::InstanceInput, protocol, port, Some(first_public_port))
    }

    /// The same with an endpoint for the instances of the deployment. It makes the role's instances visible to others.
    #[must_use]
    pub fn internal_endpoint(self, name: impl Into<String>, protocol: Protocol, port: u16) -> Self {
        self.endpoint(name, EndpointKind::Internal, protocol, port, None)
    }

    fn endpoint(
        mut self,
        name: impl Into<String>,
        kind: EndpointKind,
        protocol: Protocol,
        port: u16,
        public_port: Option<u16>,
    ) -> Self {
        self.endpoints.push(DefinedEndpoint { name: name.into(), kind, protocol, port, public_port });
        self
    }

    /// Whether other instances may see those of this role (facts: section 8.4).
    fn is_visible(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.kind == EndpointKind::Internal)
    }
}

/// All roles of a deployment, and the addresses that their instances have for as long as the deployment lasts.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    roles: Vec<(DefinedRole, Vec<Ipv4Addr>)>,
    given: u32,
}

impl Layout {
    pub(super) fn of(roles: &[DefinedRole]) -> Self {
        let mut layout =
            Self { roles: roles.iter().cloned().map(|role| (role, Vec::new())).collect(), given: 0 };
        layout.give_addresses();
        layout
    }

    /// Every instance that has no address gets the next one.
    fn give_addresses(&mut self) {
        for (role, addresses) in &mut self.roles {
            let missing =
                usize::try_from(role.instances).unwrap_or(usize::MAX).saturating_sub(addresses.len());
            for _ in 0..missing {
                addresses.push(Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits().saturating_add(self.given)));
                self.given = self.given.saturating_add(1);
            }
        }
    }

    /// Gives a role another number of instances, if there is such a role.
    pub(super) fn resize(&mut self, name: &str, instances: u32) -> bool {
        let Some((role, addresses)) = self.roles.iter_mut().find(|(role, _)| role.name == name) else {
            return false;
        };
        role.instances = instances;
        addresses.truncate(usize::try_from(instances).unwrap_or(usize::MAX));
        self.give_addresses();
        true
    }

    /// All roles with all their instances, each with whether others may see them.
    pub(super) fn roles(&self) -> impl Iterator<Item = (RoleInfo, bool)> {
        self.roles.iter().map(|(role, addresses)| {
            let numbered = (0..role.instances).zip(addresses);
            let instances =
                numbered.map(|(number, address)| instance(role, number, (*address).into())).collect();
            (RoleInfo { name: role.name.clone(), instances }, role.is_visible())
        })
    }
}

fn instance(role: &DefinedRole, number: u32, address: IpAddr) -> RoleInstance {
    let offset = u16::try_from(number).unwrap_or(u16::MAX);
    let endpoint = |defined: &DefinedEndpoint| Endpoint {
        name: defined.name.clone(),
        kind: defined.kind,
        protocol: defined.protocol,
        address,
        port: defined.port,
        last_port: None,
        public_port: match defined.kind {
            EndpointKind::InstanceInput => defined.public_port.map(|first| first.saturating_add(offset)),
            EndpointKind::Input | EndpointKind::Internal => defined.public_port,
        },
    };
    RoleInstance {
        id: format!("{}_IN_{number}", role.name),
        role: role.name.clone(),
        fault_domain: number % 2,
        update_domain: number % 5,
        endpoints: role.endpoints.iter().map(endpoint).collect(),
    }
}
