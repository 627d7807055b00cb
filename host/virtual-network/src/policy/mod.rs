//! Who may do what: the one decision of the network, compiled from a definition.
//!
//! The policy is pure. It knows roles with their endpoints, and instances with their addresses; it does not
//! know whether anything runs. Everything in it was granted by the definition, and what was not granted is
//! denied, so that a mistake in a definition closes a door and never opens one.
//!
//! # Rules of [`Policy::decide`]
//!
//! | operation | target | answer |
//! |---|---|---|
//! | bind | loopback; `::`, which covers `::1` alone, since instances have no other IPv6 address | allowed on every port |
//! | bind | own address or `0.0.0.0`, port 0 | allowed: the local end of a connection |
//! | bind, listen | own address or `0.0.0.0`, a port with an endpoint of the own role | allowed |
//! | bind, listen | own address or `0.0.0.0`, any other port | [`DenyReason::UndeclaredPort`] |
//! | bind, listen | any other address | [`DenyReason::ForeignAddress`] |
//! | listen | loopback and `::` | allowed on every port |
//! | connect, send | loopback, own address | allowed on every port, whatever the rules say |
//! | connect, send | another instance, on a port with an endpoint that admits the subject's role | allowed |
//! | connect, send | another instance, on a port whose endpoints all have rules without the subject's role | [`DenyReason::TrafficRule`] |
//! | connect, send | another instance, any other port | [`DenyReason::NoSuchEndpoint`] |
//! | connect, send | any other address: strangers, IPv4 mapped into IPv6, unspecified, multicast | [`DenyReason::Outside`] |
//!
//! Every loopback address of 127.0.0.0/8 is the instance's own. An endpoint counts for the transports that it
//! admits. Endpoints may overlap; one that admits is enough. That a datagram may be answered is not a rule of the policy,
//! which knows no conversations, but of the [network](crate::udp).
//!
//! # Rules of [`Policy::resolve`]
//!
//! `<role>` stands for all instances of a role that the subject can discover, `<instance id>` and `<n>.<role>` for one. An instance
//! discovers itself, and every instance of roles that have an internal endpoint (audience
//! [`Audience::Deployment`] or [`Audience::Only`]: traffic rules limit connections, not discovery). Every
//! other name is [`DenyReason::UnknownName`], so that a guest cannot tell a hidden role from one that does
//! not exist.

mod address;
mod builder;
mod name;
mod ports;
mod reason;
mod role_set;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use address::AddressIndex;
pub use builder::{Audience, EndpointGrant, PolicyBuilder, PolicyError};
use name::{NameTable, Named};
use ports::PortMap;
pub use ports::{PortRange, Transport, Transports};
pub use reason::{Admission, DenyReason, Origin, Verdict};
use role_set::RoleSet;

/// The number of a role in one [`Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleIndex(u16);

/// The number of an instance in one [`Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceIndex(u32);

/// What an instance asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Reserve a local address for a transport.
    Bind(Transport),
    /// Wait for TCP connections on a bound address.
    Listen,
    /// Open a TCP connection.
    Connect,
    /// Send a UDP datagram, or fix the peer of a UDP socket.
    Send,
}

/// The compiled traffic policy of one deployment. See the module for its rules.
#[derive(Debug)]
pub struct Policy {
    roles: Vec<Role>,
    instances: Vec<Instance>,
    addresses: AddressIndex,
    names: NameTable,
}

#[derive(Debug)]
struct Role {
    name: Arc<str>,
    endpoints: Box<[Endpoint]>,
    tcp: PortMap,
    udp: PortMap,
    discoverable: bool,
    instances: Vec<InstanceIndex>,
}

#[derive(Debug)]
struct Endpoint {
    name: Arc<str>,
    admitted: RoleSet,
    /// Where its traffic rules stand, if it has some.
    origin: Option<Origin>,
}

#[derive(Debug)]
struct Instance {
    id: Arc<str>,
    role: RoleIndex,
    address: Ipv4Addr,
}

impl Policy {
    /// A builder without any role.
    #[must_use]
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// Decides one operation of `subject`. Pure and total: it answers for every index and every address.
    #[must_use]
    pub fn decide(&self, subject: InstanceIndex, operation: Operation, target: SocketAddr) -> Verdict<'_> {
        let Some((subject, role)) = self.subject(subject) else {
            return Verdict::Deny(DenyReason::UnknownSubject);
        };
        match operation {
            Operation::Bind(transport) => decide_local(subject, role, transport, target, true),
            Operation::Listen => decide_local(subject, role, Transport::Tcp, target, false),
            Operation::Connect => self.decide_remote(subject, role, Transport::Tcp, target),
            Operation::Send => self.decide_remote(subject, role, Transport::Udp, target),
        }
    }

    fn decide_remote(
        &self,
        subject: &Instance,
        from: &Role,
        transport: Transport,
        target: SocketAddr,
    ) -> Verdict<'_> {
        let address = match target.ip() {
            address if address.is_loopback() => return Verdict::Allow(Admission::Own),
            IpAddr::V4(address) if address == subject.address => return Verdict::Allow(Admission::Own),
            IpAddr::V4(address) => address,
            IpAddr::V6(_) => return Verdict::Deny(DenyReason::Outside),
        };
        let instance = self.instance_at(address).and_then(|index| self.get(index));
        match instance.and_then(|instance| Some((instance.role, self.role(instance.role)?))) {
            Some((index, role)) => role.admit(index, subject.role, &from.name, transport, target.port()),
            None => Verdict::Deny(DenyReason::Outside),
        }
    }

    /// The addresses that `name` stands for, as `subject` may see them; in the order of the ordinals of a
    /// role.
    ///
    /// # Errors
    ///
    /// [`DenyReason::UnknownName`], and [`DenyReason::UnknownSubject`] for an instance of another policy.
    pub fn resolve(&self, subject: InstanceIndex, name: &str) -> Result<Vec<Ipv4Addr>, DenyReason> {
        let (own, _) = self.subject(subject).ok_or(DenyReason::UnknownSubject)?;
        let one;
        let instances = match self.names.find(name) {
            Some(Named::Role(role)) => {
                self.role(role).map(|role| role.instances.as_slice()).unwrap_or_default()
            }
            Some(Named::Instance(instance)) => {
                one = [instance];
                one.as_slice()
            }
            None => &[],
        };
        let visible = instances.iter().filter_map(|instance| self.get(*instance)).filter(|instance| {
            instance.address == own.address || self.role(instance.role).is_some_and(|role| role.discoverable)
        });
        let addresses: Vec<Ipv4Addr> = visible.map(|instance| instance.address).collect();
        if addresses.is_empty() { Err(DenyReason::UnknownName) } else { Ok(addresses) }
    }

    /// The name of a role; `None` for an index of another policy.
    #[must_use]
    pub fn role_name(&self, role: RoleIndex) -> Option<&str> {
        self.role(role).map(|role| &*role.name)
    }

    /// The id of an instance; `None` for an index of another policy.
    #[must_use]
    pub fn instance_id(&self, instance: InstanceIndex) -> Option<&str> {
        self.get(instance).map(|instance| &*instance.id)
    }

    /// The role of an instance; `None` for an index of another policy.
    #[must_use]
    pub fn instance_role(&self, instance: InstanceIndex) -> Option<RoleIndex> {
        self.get(instance).map(|instance| instance.role)
    }

    /// The address of an instance; `None` for an index of another policy.
    #[must_use]
    pub fn instance_address(&self, instance: InstanceIndex) -> Option<Ipv4Addr> {
        self.get(instance).map(|instance| instance.address)
    }

    /// The instance at an address.
    #[must_use]
    pub fn instance_at(&self, address: Ipv4Addr) -> Option<InstanceIndex> {
        self.addresses.find(address)
    }

    /// All instances, in the order in which the builder got them.
    pub fn instances(&self) -> impl ExactSizeIterator<Item = InstanceIndex> + '_ {
        (0..u32::try_from(self.instances.len()).unwrap_or(u32::MAX)).map(InstanceIndex)
    }

    fn role(&self, role: RoleIndex) -> Option<&Role> {
        self.roles.get(usize::from(role.0))
    }

    fn get(&self, instance: InstanceIndex) -> Option<&Instance> {
        self.instances.get(usize::try_from(instance.0).ok()?)
    }

    fn subject(&self, subject: InstanceIndex) -> Option<(&Instance, &Role)> {
        let instance = self.get(subject)?;
        Some((instance, self.role(instance.role)?))
    }
}

fn decide_local<'a>(
    subject: &Instance,
    role: &'a Role,
    transport: Transport,
    target: SocketAddr,
    ephemeral: bool,
) -> Verdict<'a> {
    match target.ip() {
        address if address.is_loopback() => Verdict::Allow(Admission::Own),
        IpAddr::V6(address) if address.is_unspecified() => Verdict::Allow(Admission::Own),
        IpAddr::V4(address) if address.is_unspecified() || address == subject.address => {
            match target.port() {
                0 if ephemeral => Verdict::Allow(Admission::Ephemeral),
                port => role.declares(subject.role, transport, port),
            }
        }
        _ => Verdict::Deny(DenyReason::ForeignAddress),
    }
}

impl Role {
    fn endpoints_on(&self, transport: Transport, port: u16) -> impl Iterator<Item = &Endpoint> {
        let ports = match transport {
            Transport::Tcp => &self.tcp,
            Transport::Udp => &self.udp,
        };
        ports.endpoints_on(port).iter().filter_map(|position| self.endpoints.get(*position))
    }

    /// Whether the role itself may use `port`.
    fn declares(&self, index: RoleIndex, transport: Transport, port: u16) -> Verdict<'_> {
        match self.endpoints_on(transport, port).next() {
            Some(endpoint) => Verdict::Allow(Admission::Endpoint { role: index, endpoint: &endpoint.name }),
            None => Verdict::Deny(DenyReason::UndeclaredPort { role: self.name.clone(), transport, port }),
        }
    }

    /// Whether an instance of role `subject`, named `from`, may reach `port` on an instance of this role.
    fn admit(
        &self,
        index: RoleIndex,
        subject: RoleIndex,
        from: &Arc<str>,
        transport: Transport,
        port: u16,
    ) -> Verdict<'_> {
        let mut refused_by = None;
        for endpoint in self.endpoints_on(transport, port) {
            if endpoint.admitted.contains(subject) {
                return Verdict::Allow(Admission::Endpoint { role: index, endpoint: &endpoint.name });
            }
            refused_by = refused_by.or(endpoint.origin.as_ref().map(|origin| (endpoint, origin)));
        }
        Verdict::Deny(match refused_by {
            Some((endpoint, origin)) => DenyReason::TrafficRule {
                from: from.clone(),
                role: self.name.clone(),
                endpoint: endpoint.name.clone(),
                origin: origin.clone(),
            },
            None => DenyReason::NoSuchEndpoint { role: self.name.clone(), transport, port },
        })
    }
}
