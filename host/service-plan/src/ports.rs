//! The ports that the instances of a role listen on.
//!
//! All instances of a role have the same ports, since each has an address of its own. An endpoint that names no port
//! gets one from 20000 up, in the order of the definition, around the ports that the role names itself.

use wasm_roles_service_model::{
    Endpoint, EndpointKind, InternalEndpoint, InternalPorts, InternalProtocol, LocalPort, Port, PortRange,
    Role,
};

use crate::{Placement, PlanError};

/// Below it are the well-known ports that definitions name, above it the ones that connections start from.
pub(crate) const FIRST_DYNAMIC: u16 = 20_000;

/// The local ports of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalPorts {
    /// Every port: an internal endpoint for `any` that names none.
    All,
    /// These, at least one range.
    Ranges(Vec<PortRange>),
}

impl LocalPorts {
    /// The lowest port of the first range; 0 for every port.
    pub(crate) fn first(&self) -> u16 {
        match self {
            LocalPorts::All => 0,
            LocalPorts::Ranges(ranges) => ranges.first().map_or(0, |range| range.first().get()),
        }
    }

    /// The highest port of the first range, when it has more than one.
    pub(crate) fn last(&self) -> Option<u16> {
        match self {
            LocalPorts::All => None,
            LocalPorts::Ranges(ranges) => {
                ranges.first().filter(|range| range.width() > 1).map(|range| range.last().get())
            }
        }
    }
}

impl LocalPorts {
    /// All of them, ascending, without overlaps.
    pub(crate) fn ascending(&self) -> Vec<PortRange> {
        match self {
            LocalPorts::All => every_port().into_iter().collect(),
            LocalPorts::Ranges(ranges) => joined(ranges),
        }
    }
}

/// The ports from 1 to 65535.
fn every_port() -> Option<PortRange> {
    PortRange::new(Port::new(1)?, Port::new(u16::MAX)?)
}

/// The same ports, ascending, ranges that overlap joined.
fn joined(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.first());
    let mut joined: Vec<PortRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if last.overlaps(range) => {
                *last = PortRange::new(last.first(), last.last().max(range.last())).unwrap_or(*last);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The local ports of each endpoint of a role, in the order of the definition. An endpoint that names no port keeps the
/// one that it has in `running`.
///
/// # Errors
/// No port is left for an endpoint that names none.
pub(crate) fn local_ports(role: &Role, running: &Placement) -> Result<Vec<LocalPorts>, PlanError> {
    let mut taken: Vec<PortRange> = Vec::new();
    for endpoint in &role.endpoints {
        if let Some(LocalPorts::Ranges(ranges)) = declared(endpoint) {
            taken.extend(ranges);
        }
    }
    let kept = kept_ports(role, running, &mut taken);
    // What an endpoint leaves nobody gets at once: instances of before still listen there while the change is made.
    taken.extend(running.ports(role).filter_map(Port::new).map(PortRange::single));
    let mut free = free_ports(&taken);
    let mut ports = Vec::with_capacity(role.endpoints.len());
    for (endpoint, kept) in role.endpoints.iter().zip(kept) {
        ports.push(match declared(endpoint) {
            Some(declared) => declared,
            None => {
                let port = kept.or_else(|| free.next()).ok_or_else(|| PlanError::NoPortLeft {
                    role: role.name.to_string(),
                    endpoint: endpoint.name.to_string(),
                })?;
                LocalPorts::Ranges(vec![PortRange::single(port)])
            }
        });
    }
    Ok(ports)
}

/// The ports of endpoints that name none, as `running` has them, if they are still free; they are taken then.
fn kept_ports(role: &Role, running: &Placement, taken: &mut Vec<PortRange>) -> Vec<Option<Port>> {
    let mut kept = |endpoint: &Endpoint| {
        let before = running.port(role, endpoint.name.as_str())?;
        let port = Port::new(before).filter(|port| port.get() >= FIRST_DYNAMIC)?;
        let range = PortRange::single(port);
        if declared(endpoint).is_some() || taken.iter().any(|taken| taken.overlaps(range)) {
            return None;
        }
        taken.push(range);
        Some(port)
    };
    role.endpoints.iter().map(&mut kept).collect()
}

/// What the definition says; `None` when it leaves the choice.
fn declared(endpoint: &Endpoint) -> Option<LocalPorts> {
    let single = |port| Some(LocalPorts::Ranges(vec![PortRange::single(port)]));
    match &endpoint.kind {
        EndpointKind::Input(input) => match input.local_port {
            LocalPort::Fixed(port) => single(port),
            LocalPort::Dynamic => None,
        },
        EndpointKind::InstanceInput(input) => single(input.local_port),
        EndpointKind::Internal(InternalEndpoint { ports: InternalPorts::Fixed(ranges), .. }) => {
            Some(LocalPorts::Ranges(ranges.clone()))
        }
        EndpointKind::Internal(InternalEndpoint { protocol: InternalProtocol::Any, .. }) => {
            Some(LocalPorts::All)
        }
        EndpointKind::Internal(_) => None,
    }
}

/// The ports from [`FIRST_DYNAMIC`] up that are in none of these ranges.
fn free_ports(taken: &[PortRange]) -> impl Iterator<Item = Port> {
    let mut taken = joined(taken).into_iter().peekable();
    // Ports and ranges both ascend, so each range is passed once, however many there are.
    (FIRST_DYNAMIC..=u16::MAX).filter_map(Port::new).filter(move |port| {
        while taken.next_if(|range| range.last() < *port).is_some() {}
        taken.peek().is_none_or(|range| *port < range.first())
    })
}
