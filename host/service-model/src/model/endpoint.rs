//! Endpoints: what a role listens on, and who it is for.

use std::fmt;
use std::num::NonZeroU32;

use super::{CertificateName, EndpointName, LoadBalancerName, LocalPort, Port, PortRange, ProbeId};
use crate::Span;

/// An endpoint of a role.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Unique in its role.
    pub name: EndpointName,
    /// Which kind it is, with what belongs to the kind.
    pub kind: EndpointKind,
    /// Where the definition declares it.
    pub span: Span,
}

/// The three kinds of endpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum EndpointKind {
    /// Open to the outside, balanced over the role's instances.
    Input(InputEndpoint),
    /// Open to the outside, one public port for each instance.
    InstanceInput(InstanceInputEndpoint),
    /// For the roles of the same deployment only, never balanced.
    Internal(InternalEndpoint),
}

/// `InputEndpoint`.
#[derive(Debug, Clone, PartialEq)]
pub struct InputEndpoint {
    /// What is spoken on it.
    pub protocol: InputProtocol,
    /// The public port, unique in the service for its transport.
    pub port: Port,
    /// Where the instance listens.
    pub local_port: LocalPort,
    /// A certificate of the role, for the other end of TLS; there for `https`.
    pub certificate: Option<CertificateName>,
    /// The probe that decides which instances get connections; `None`: those in state Ready do.
    pub probe: Option<ProbeId>,
    /// Minutes after which the balancer drops an idle connection; `None`: its own default.
    pub idle_timeout_minutes: Option<NonZeroU32>,
    /// Which connections stay with one instance.
    pub distribution: Distribution,
    /// Whether instances get connections in every state, not in Ready only. Default: false.
    pub ignore_role_instance_status: bool,
    /// The balancer of the configuration that serves it; `None`: the public one.
    pub load_balancer: Option<LoadBalancerName>,
}

/// What the balancer looks at to choose an instance: equal means the same instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// `none`: both addresses, both ports and the transport, so each connection is chosen anew. The default.
    #[default]
    FiveTuple,
    /// `sourceIP`: both addresses, so one client stays with one instance.
    SourceIp,
    /// `sourceIPProtocol`: both addresses and the transport.
    SourceIpProtocol,
}

/// `InstanceInputEndpoint`.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceInputEndpoint {
    /// TCP or UDP; HTTP goes over TCP.
    pub transport: Transport,
    /// Where the instance listens.
    pub local_port: Port,
    /// Public ports, one for each instance in order; at least as many as instances.
    pub public_ports: PortRange,
    /// Minutes after which the balancer drops an idle connection; `None`: its own default.
    pub idle_timeout_minutes: Option<NonZeroU32>,
}

/// `InternalEndpoint`. Who may reach it: [`crate::ServiceModel::admission`].
#[derive(Debug, Clone, PartialEq)]
pub struct InternalEndpoint {
    /// What is spoken on it.
    pub protocol: InternalProtocol,
    /// The ports.
    pub ports: InternalPorts,
}

/// The ports of an internal endpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum InternalPorts {
    /// None named, or `*`: the planner picks one. With protocol `any` and none named it is every port.
    Unnamed,
    /// `port`, `FixedPort`, `FixedPortRange`: all of these ports on every instance. Never empty.
    Fixed(Vec<PortRange>),
}

/// Protocols of an input endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputProtocol {
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS over TCP.
    Https,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl InputProtocol {
    /// What carries it.
    pub fn transport(self) -> Transport {
        match self {
            InputProtocol::Http | InputProtocol::Https | InputProtocol::Tcp => Transport::Tcp,
            InputProtocol::Udp => Transport::Udp,
        }
    }

    /// Whether requests of HTTP come in over it, with TLS or without.
    pub fn is_http(self) -> bool {
        matches!(self, InputProtocol::Http | InputProtocol::Https)
    }
}

/// Protocols of an internal endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InternalProtocol {
    /// HTTP over TCP.
    Http,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// TCP and UDP.
    Any,
}

/// Transports of the private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        })
    }
}
