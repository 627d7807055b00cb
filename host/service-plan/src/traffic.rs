//! Who may talk to whom: the traffic table of a plan.
//!
//! Whether an entry is allowed comes from the network's own decision function; the traffic rules only give the
//! reason. The table is about roles, so its size does not depend on the number of instances.

use std::fmt;

use wasm_roles_service_model::{PortRange, RoleName, Span, Transport};
use wasm_roles_virtual_network::policy::{Admission, Verdict};

use crate::{EndpointKind, Plan, PlannedRole, Protocol, Reach, ReachRule, RoleEndpoint};

/// Whether the instances of one role may reach an endpoint on the other instances of a role.
///
/// An instance always reaches itself, whatever the entry of its role with itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrafficEntry<'a> {
    /// The role that wants to talk.
    pub from: &'a RoleName,
    /// The role that it wants to talk to.
    pub to: &'a RoleName,
    /// The endpoint of that role.
    pub endpoint: &'a RoleEndpoint,
    /// Whether the network lets the instances talk, on every port of the endpoint.
    pub allowed: bool,
    /// Why.
    pub because: Because<'a>,
}

impl<'a> TrafficEntry<'a> {
    /// The rule that decides it; `None` when no rule does.
    pub fn span(&self) -> Option<&'a Span> {
        match &self.because {
            Because::AllTraffic { rule } => Some(rule),
            Because::Listed { rule } => Some(&rule.span),
            Because::NotListed { rules, .. } => rules.first().map(|rule| &rule.span),
            Because::Public | Because::NoRule | Because::SharedPorts { .. } => None,
        }
    }

    /// The line of [`TrafficEntry::span`].
    pub fn line(&self) -> Option<u32> {
        self.span().map(|span| span.line)
    }
}

/// Why traffic is allowed or denied. Its `Display` is a clause without names of files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because<'a> {
    /// It is an input or instance input endpoint: open to everyone.
    Public,
    /// No traffic rule names the endpoint: open to every role.
    NoRule,
    /// A rule with `AllowAllTraffic` names the endpoint.
    AllTraffic {
        /// Where the rule is.
        rule: &'a Span,
    },
    /// A rule that names the endpoint lists the role that wants to talk.
    Listed {
        /// The first such rule.
        rule: &'a ReachRule,
    },
    /// Rules name the endpoint and none lists the role that wants to talk.
    NotListed {
        /// The rules, at least one.
        rules: &'a [ReachRule],
        /// Whom they admit.
        admitted: &'a [RoleName],
        /// A port that is open all the same, through another endpoint.
        except: Option<Way<'a>>,
    },
    /// Rules keep the role out, but other endpoints of the target open all of its ports to the role.
    SharedPorts {
        /// The first of them.
        through: Way<'a>,
    },
}

/// A port that an endpoint opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way<'a> {
    /// The endpoint.
    pub endpoint: &'a str,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Public => f.write_str("the endpoint is open to the outside and to every role"),
            Because::NoRule => {
                f.write_str("no traffic rule names the endpoint, which leaves it open to every role")
            }
            Because::AllTraffic { .. } => f.write_str("a traffic rule admits every role"),
            Because::Listed { .. } => f.write_str("a traffic rule lists the role"),
            Because::NotListed { admitted, except, .. } => {
                write!(f, "the endpoint's traffic rules admit {}", only(admitted))?;
                except.iter().try_for_each(|way| {
                    write!(f, "; endpoint {} opens port {} of it all the same", way.endpoint, way.port)
                })
            }
            Because::SharedPorts { through: Way { endpoint, port } } => write!(
                f,
                "endpoint {endpoint}, which admits the role, has port {port} too, so the traffic rules cannot close it"
            ),
        }
    }
}

/// `nobody`, `only A`, `only A, B and C`.
pub(crate) fn only(roles: &[RoleName]) -> String {
    match roles {
        [] => "nobody".to_owned(),
        [one] => format!("only {one}"),
        [others @ .., last] => {
            let others: Vec<&str> = others.iter().map(RoleName::as_str).collect();
            format!("only {} and {last}", others.join(", "))
        }
    }
}

impl Plan {
    /// Every pair of a role and an internal endpoint, in the order of the definition: by target, by endpoint, by
    /// the role that wants to talk.
    pub fn traffic(&self) -> impl Iterator<Item = TrafficEntry<'_>> {
        self.roles.iter().enumerate().flat_map(move |(to, role)| {
            let internal = role.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::Internal);
            internal.flat_map(move |endpoint| self.entries(to, role, endpoint))
        })
    }

    /// What every role, in the order of the definition, may do with an endpoint of `role`, the `to`-th of the plan.
    pub(crate) fn entries<'a>(
        &'a self,
        to: usize,
        role: &'a PlannedRole,
        endpoint: &'a RoleEndpoint,
    ) -> impl Iterator<Item = TrafficEntry<'a>> {
        let asked = telling_ports(role, endpoint);
        self.roles
            .iter()
            .enumerate()
            .map(move |(from, asking)| self.ask((from, asking), (to, role), endpoint, &asked))
    }

    /// What one role may do with an endpoint of another one, or of itself.
    pub(crate) fn entry<'a>(
        &'a self,
        from: (usize, &'a PlannedRole),
        to: (usize, &'a PlannedRole),
        endpoint: &'a RoleEndpoint,
    ) -> TrafficEntry<'a> {
        self.ask(from, to, endpoint, &telling_ports(to.1, endpoint))
    }

    fn ask<'a>(
        &'a self,
        (from, asking): (usize, &'a PlannedRole),
        (to, role): (usize, &'a PlannedRole),
        endpoint: &'a RoleEndpoint,
        asked: &[u16],
    ) -> TrafficEntry<'a> {
        let (mut open, mut closed) = (None, false);
        for transport in transports(endpoint.protocol) {
            for port in asked {
                match self.rehearsal.verdict(from, to, *transport, *port) {
                    Some(Verdict::Allow(Admission::Endpoint { endpoint, .. })) => {
                        open = open.or(Some(Way { endpoint, port: *port }));
                    }
                    _ => closed = true,
                }
            }
        }
        let allowed = open.is_some() && !closed;
        TrafficEntry {
            from: &asking.name,
            to: &role.name,
            endpoint,
            allowed,
            because: because(&endpoint.reach, &asking.name, allowed, open),
        }
    }
}

fn because<'a>(reach: &'a Reach, from: &RoleName, allowed: bool, open: Option<Way<'a>>) -> Because<'a> {
    match reach {
        Reach::Public => Because::Public,
        Reach::Deployment { rule: None } => Because::NoRule,
        Reach::Deployment { rule: Some(rule) } => Because::AllTraffic { rule },
        Reach::Only { roles, rules } => {
            match (rules.iter().find(|rule| rule.roles.contains(from)), open.filter(|_| allowed)) {
                (Some(rule), _) => Because::Listed { rule },
                (None, Some(through)) => Because::SharedPorts { through },
                (None, None) => Because::NotListed { rules, admitted: roles, except: open },
            }
        }
    }
}

fn transports(protocol: Protocol) -> &'static [Transport] {
    match protocol {
        Protocol::Http | Protocol::Https | Protocol::Tcp => &[Transport::Tcp],
        Protocol::Udp => &[Transport::Udp],
        Protocol::Any => &[Transport::Tcp, Transport::Udp],
    }
}

/// Ports of `endpoint` that tell all about it, ascending: wherever another endpoint of its role begins or ends to share
/// its ports, since only there the answer can change.
fn telling_ports(role: &PlannedRole, endpoint: &RoleEndpoint) -> Vec<u16> {
    let mut ports: Vec<u16> = endpoint.ranges.iter().map(|range| range.first().get()).collect();
    for other in role.endpoints.iter().filter(|other| other.name != endpoint.name) {
        add_shared_bounds(&endpoint.ranges, &other.ranges, &mut ports);
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The first port of each piece that is in both, and the first of ours after it. Both ascend without overlaps.
fn add_shared_bounds(ours: &[PortRange], theirs: &[PortRange], bounds: &mut Vec<u16>) {
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
        if our.overlaps(**their) {
            bounds.push(our.first().max(their.first()).get());
            if their.last() < our.last() {
                bounds.push(their.last().get().saturating_add(1));
            }
        }
        if our.last() < their.last() {
            ours.next()
        } else {
            theirs.next()
        };
    }
}
