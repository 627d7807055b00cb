//! The answer to a question of a guest, and why it may be no.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;

use super::{HostName, HostPattern, OutboundRule, OutboundTarget, RoleIndex, Transport};

/// What the policy says to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The operation may go on.
    Allow(Admission<'a>),
    /// The operation may go on, since nothing is enforced; this is why it would fail otherwise.
    AllowedByLogMode(DenyReason),
    /// The operation fails.
    Deny(DenyReason),
}

impl Verdict<'_> {
    /// Whether the operation may go on.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_) | Self::AllowedByLogMode(_))
    }
}

/// What an operation is allowed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'a> {
    /// The instance deals with itself: its loopback or its own address.
    Own,
    /// A port of the ephemeral range, for the local end of a connection.
    Ephemeral,
    /// An endpoint. For bind and listen it is the subject's own; for connect and send that of the target.
    Endpoint {
        /// The role that has it.
        role: RoleIndex,
        /// Its name.
        endpoint: &'a str,
    },
    /// A public port of the deployment's own: the balancer chooses who answers.
    PublicSide,
    /// A rule of the host's lets the role out.
    Outside {
        /// The rule.
        rule: &'a OutboundRule,
    },
    /// The instance's own loopback; where the instance has no socket on the port, the host's, which a rule names.
    OwnElseHost {
        /// The rule.
        rule: &'a OutboundRule,
    },
}

impl Admission<'_> {
    /// The names of the rule, when the operation passes since the instance has looked up one of them.
    pub(crate) const fn by_name(&self) -> Option<&HostPattern> {
        match self {
            Self::Outside { rule } => match rule.target() {
                OutboundTarget::Names(pattern) => Some(pattern),
                OutboundTarget::Addresses(_) | OutboundTarget::Localhost => None,
            },
            Self::Own
            | Self::Ephemeral
            | Self::Endpoint { .. }
            | Self::PublicSide
            | Self::OwnElseHost { .. } => None,
        }
    }
}

/// Where a rule stands, as a label to print, such as `ServiceDefinition.csdef:31:7`. Nothing reads it but
/// people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

impl Origin {
    /// The label `label`.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self(label.into())
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Origin {
    fn from(label: &str) -> Self {
        Self::new(label)
    }
}

impl From<String> for Origin {
    fn from(label: String) -> Self {
        Self(label.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an operation is denied. Every text in it comes from the definition, none from the guest, but for a name that looks
/// like a host's. The order is that of this list, and has no meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum DenyReason {
    /// Bind to an address that is neither the instance's own, nor unspecified, nor loopback.
    #[error("the address is not this instance's own")]
    ForeignAddress,
    /// Bind or listen on a port that the subject's role does not declare.
    #[error("role {role} declares no {transport} endpoint on port {port}")]
    UndeclaredPort {
        /// The role of the subject.
        role: Arc<str>,
        /// The transport that was asked for.
        transport: Transport,
        /// The port that was asked for.
        port: u16,
    },
    /// Bind or listen outside loopback by a [companion](crate::Interface::companion), other than to send from.
    #[error(
        "{transport} port {port} is for the role itself; a program beside it may listen on loopback only"
    )]
    Companion {
        /// The transport that was asked for.
        transport: Transport,
        /// The port that was asked for.
        port: u16,
    },
    /// Connect or send to a port that the target's role does not declare.
    #[error("role {role} has no {transport} endpoint on port {port}")]
    NoSuchEndpoint {
        /// The role of the target.
        role: Arc<str>,
        /// The transport that was asked for.
        transport: Transport,
        /// The port that was asked for.
        port: u16,
    },
    /// Connect or send to an endpoint whose traffic rules do not list the subject's role.
    #[error(
        "endpoint {endpoint} of role {role} admits only the roles that {origin} lists, and {from} is not one of them"
    )]
    TrafficRule {
        /// The role of the subject.
        from: Arc<str>,
        /// The role of the target.
        role: Arc<str>,
        /// The endpoint of the target.
        endpoint: Arc<str>,
        /// Where the rules stand.
        origin: Origin,
    },
    /// Connect or send to a port that the public side of the deployment does not have.
    #[error("the service has no public {transport} port {port}")]
    NoPublicPort {
        /// The transport that was asked for.
        transport: Transport,
        /// The port that was asked for.
        port: u16,
    },
    /// Connect or send to an address of the deployment's subnet that no instance has.
    #[error("no instance of the deployment has the address")]
    Vacant,
    /// Connect or send to an address outside that no rule of the host's admits.
    #[error("the address is outside the deployment")]
    Outside {
        /// The address and port.
        target: SocketAddr,
    },
    /// Look-up of a name that could be one of the world outside, and no rule of the host's has.
    #[error("the name is outside the deployment")]
    OutsideName {
        /// The name: the guest's, but of letters, digits, `-`, `_` and dots alone.
        name: HostName,
    },
    /// Look-up of a name that discovery does not show to the subject.
    #[error("no role or instance that this instance can discover has that name")]
    UnknownName,
    /// The subject has no place in the policy, for example because an update took it away.
    #[error("the instance is not part of the deployment any more")]
    UnknownSubject,
}

impl DenyReason {
    /// Whether it is about traffic between instances of the deployment, which [`PolicyMode::Log`](super::PolicyMode::Log) lets
    /// pass.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        matches!(self, Self::UndeclaredPort { .. } | Self::NoSuchEndpoint { .. } | Self::TrafficRule { .. })
    }
}
