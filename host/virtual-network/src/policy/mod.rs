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
//! | connect, send | the deployment's [public side](PublicSide), on a public port | allowed: the balancer chooses |
//! | connect, send | the public side, any other port | [`DenyReason::NoPublicPort`] |
//! | connect, send | any other address of the deployment's subnet | [`DenyReason::Vacant`] |
//! | connect, send | any other address that an [outbound rule](outbound) of the role or of everyone admits | allowed |
//! | connect, send | any other address: strangers, IPv4 mapped into IPv6, unspecified, multicast | [`DenyReason::Outside`] |
//!
//! Every loopback address of 127.0.0.0/8 is the instance's own. Where an outbound rule names the host's loopback, a port
//! that the instance has no socket on is the host's ([`Admission::OwnElseHost`]). An endpoint counts for the transports that it
//! admits. Endpoints may overlap; one that admits is enough. That a datagram may be answered is not a rule of the policy,
//! which knows no conversations, but of the [network](crate::udp).
//!
//! With [`PolicyMode::Log`] an undeclared port, a missing endpoint and a traffic rule deny nothing: the answer is
//! [`Verdict::AllowedByLogMode`], with the reason that would have counted.
//!
//! # Rules of [`Policy::resolve`]
//!
//! `<role>` stands for all instances of a role that the subject can discover, `<instance id>` and `<n>.<role>` for one. An instance
//! discovers itself, and every instance of roles that have an internal endpoint (audience
//! [`Audience::Deployment`] or [`Audience::Only`]: traffic rules limit connections, not discovery). The name of the public side
//! stands for its address. Of other names those may be looked up outside that an outbound rule has
//! ([`Resolved::Outside`]). The rest is [`DenyReason::UnknownName`], or [`DenyReason::OutsideName`] when a rule could allow it;
//! a guest cannot tell these two, nor a hidden role from one that does not exist.

mod address;
mod address_range;
mod builder;
mod host_name;
mod host_rules;
mod name;
pub mod outbound;
mod ports;
mod public_side;
mod reason;
mod role_set;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use address::AddressIndex;
pub use address_range::AddressRange;
pub use builder::{Audience, EndpointGrant, PolicyBuilder, PolicyError};
pub use host_name::{HostName, HostPattern};
pub use host_rules::{HostRules, PolicyMode};
use name::{NameTable, Named};
use outbound::OutboundRules;
pub use outbound::{OutboundRule, OutboundRuleError, OutboundTarget};
use ports::PortMap;
pub use ports::{PortRange, Transport, Transports};
pub use public_side::PublicSide;
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
#[derive(Clone, Debug)]
pub struct Policy {
    roles: Vec<Role>,
    instances: Vec<Instance>,
    addresses: AddressIndex,
    names: NameTable,
    public_side: Option<PublicSide>,
    /// The addresses that are the deployment's, whether an instance has them or not.
    subnet: Option<AddressRange>,
    mode: PolicyMode,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// These addresses of the deployment, never none.
    Inside(Vec<Ipv4Addr>),
    /// Whatever it stands for outside, where it may be looked up. The answer goes through
    /// [`Policy::trusted_answers`].
    Outside(HostName),
}

#[derive(Clone, Debug)]
struct Role {
    name: Arc<str>,
    endpoints: Box<[Endpoint]>,
    tcp: PortMap,
    udp: PortMap,
    discoverable: bool,
    instances: Vec<InstanceIndex>,
    outbound: OutboundRules,
}

#[derive(Clone, Debug)]
struct Endpoint {
    name: Arc<str>,
    admitted: RoleSet,
    /// Where its traffic rules stand, if it has some.
    origin: Option<Origin>,
}

#[derive(Clone, Debug)]
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

    /// The same policy with what the host grants.
    #[must_use]
    pub fn with_host_rules(mut self, rules: &HostRules) -> Self {
        self.mode = rules.mode;
        for role in &mut self.roles {
            role.outbound = OutboundRules::new(rules.of_role(&role.name));
        }
        self
    }

    /// Decides one operation of `subject`, which has looked up no name. Pure and total: it answers for every index and every
    /// address.
    #[must_use]
    pub fn decide(&self, subject: InstanceIndex, operation: Operation, target: SocketAddr) -> Verdict<'_> {
        self.decide_knowing(subject, operation, target, |_| Vec::new())
    }

    /// As [`decide`](Self::decide), for a subject that has looked up names outside: `names` says which of them stand for an
    /// address. It is asked only about addresses outside that the role has rules for.
    #[must_use]
    pub fn decide_knowing(
        &self,
        subject: InstanceIndex,
        operation: Operation,
        target: SocketAddr,
        names: impl FnOnce(IpAddr) -> Vec<HostName>,
    ) -> Verdict<'_> {
        let Some((subject, role)) = self.subject(subject) else {
            return Verdict::Deny(DenyReason::UnknownSubject);
        };
        let verdict = match operation {
            Operation::Bind(transport) => decide_local(subject, role, transport, target, true),
            Operation::Listen => decide_local(subject, role, Transport::Tcp, target, false),
            Operation::Connect => self.decide_remote(subject, role, Transport::Tcp, target, names),
            Operation::Send => self.decide_remote(subject, role, Transport::Udp, target, names),
        };
        match verdict {
            Verdict::Deny(reason) if self.mode == PolicyMode::Log && reason.is_inside() => {
                Verdict::AllowedByLogMode(reason)
            }
            verdict => verdict,
        }
    }

    fn decide_remote<'a>(
        &'a self,
        subject: &Instance,
        from: &'a Role,
        transport: Transport,
        target: SocketAddr,
        names: impl FnOnce(IpAddr) -> Vec<HostName>,
    ) -> Verdict<'a> {
        let address = match target.ip() {
            address if address.is_loopback() => return decide_loopback(from, target),
            IpAddr::V4(address) if address == subject.address => return Verdict::Allow(Admission::Own),
            IpAddr::V4(address) => address,
            IpAddr::V6(_) => return self.decide_outside(from, transport, target, names),
        };
        let instance = self.instance_at(address).and_then(|index| self.get(index));
        match instance.and_then(|instance| Some((instance.role, self.role(instance.role)?))) {
            Some((index, role)) => role.admit(index, subject.role, &from.name, transport, target.port()),
            None => self.decide_outside(from, transport, target, names),
        }
    }

    /// An address that no instance has.
    fn decide_outside<'a>(
        &'a self,
        from: &'a Role,
        transport: Transport,
        target: SocketAddr,
        names: impl FnOnce(IpAddr) -> Vec<HostName>,
    ) -> Verdict<'a> {
        if let Some(public) = self.public_side.as_ref().filter(|public| target.ip() == public.address) {
            return public.decide(transport, target.port());
        }
        if self.subnet.is_some_and(|subnet| subnet.contains(target.ip())) {
            return Verdict::Deny(DenyReason::Vacant);
        }
        match from.outbound.admit(target, names) {
            Some(rule) => Verdict::Allow(Admission::Outside { rule }),
            None => Verdict::Deny(DenyReason::Outside { target }),
        }
    }

    /// What `name` stands for, as `subject` may see it; the addresses of a role are in the order of its ordinals.
    ///
    /// # Errors
    ///
    /// [`DenyReason::UnknownName`], [`DenyReason::OutsideName`], and [`DenyReason::UnknownSubject`] for an instance of another
    /// policy.
    pub fn resolve(&self, subject: InstanceIndex, name: &str) -> Result<Resolved, DenyReason> {
        let (own, from) = self.subject(subject).ok_or(DenyReason::UnknownSubject)?;
        let one;
        let instances = match self.names.find(name) {
            Some(Named::PublicSide) => {
                let public = self.public_side.as_ref().ok_or(DenyReason::UnknownName)?;
                return Ok(Resolved::Inside(vec![public.address]));
            }
            Some(Named::Role(role)) => {
                self.role(role).map(|role| role.instances.as_slice()).unwrap_or_default()
            }
            Some(Named::Instance(instance)) => {
                one = [instance];
                one.as_slice()
            }
            None => return self.resolve_outside(from, name),
        };
        let visible = instances.iter().filter_map(|instance| self.get(*instance)).filter(|instance| {
            instance.address == own.address || self.role(instance.role).is_some_and(|role| role.discoverable)
        });
        let addresses: Vec<Ipv4Addr> = visible.map(|instance| instance.address).collect();
        if addresses.is_empty() { Err(DenyReason::UnknownName) } else { Ok(Resolved::Inside(addresses)) }
    }

    /// A name that the deployment does not have.
    fn resolve_outside(&self, from: &Role, name: &str) -> Result<Resolved, DenyReason> {
        let name = HostName::new(name).ok_or(DenyReason::UnknownName)?;
        // `7.Role` is an instance that there is not, however it looks.
        if name.parent().is_some_and(|parent| self.names.find(parent).is_some()) {
            Err(DenyReason::UnknownName)
        } else if from.outbound.may_look_up(&name) {
            Ok(Resolved::Outside(name))
        } else if name.parent().is_some() {
            Err(DenyReason::OutsideName { name })
        } else {
            Err(DenyReason::UnknownName)
        }
    }

    /// Those of `answers`, which a name outside is said to stand for, that `subject` may take for true: no address of the
    /// deployment, nothing private and nothing of the host's, unless an outbound rule with a range contains it.
    #[must_use]
    pub fn trusted_answers(&self, subject: InstanceIndex, answers: &[IpAddr]) -> Vec<IpAddr> {
        let Some((_, from)) = self.subject(subject) else { return Vec::new() };
        let is_inside = |address: IpAddr| {
            self.subnet.is_some_and(|subnet| subnet.contains(address))
                || self.public_side.as_ref().is_some_and(|public| public.address == address)
                || matches!(address, IpAddr::V4(address) if self.instance_at(address).is_some())
        };
        let trusted = |address: &IpAddr| !is_inside(*address) && from.outbound.trusts(*address);
        answers.iter().copied().filter(trusted).collect()
    }

    /// The public side, if the deployment has one.
    #[must_use]
    pub fn public_side(&self) -> Option<&PublicSide> {
        self.public_side.as_ref()
    }

    /// Whether denials inside the deployment are enforced.
    #[must_use]
    pub fn mode(&self) -> PolicyMode {
        self.mode
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

/// The instance's own loopback; where a rule names the host's, that is behind it.
fn decide_loopback(from: &Role, target: SocketAddr) -> Verdict<'_> {
    Verdict::Allow(match from.outbound.admit(target, |_| Vec::new()) {
        Some(rule) => Admission::OwnElseHost { rule },
        None => Admission::Own,
    })
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
