//! The ports that the instances of a role listen on.
//!
//! All instances of a role have the same ports, since each has an address of its own. An endpoint that names no port
//! gets one from 20000 up, in the order of the definition, around the ports that the role names itself.

use wasm_roles_service_model::{
    Endpoint, EndpointKind, InternalEndpoint, InternalPorts, InternalProtocol, LocalPort, Port, PortRange,
    Role,
};

use crate::PlanError;

/// Below it are the well-known ports that definitions name, above it the ones that connections start from.
const FIRST_DYNAMIC: u16 = 20_000;

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

/// The local ports of each endpoint of a role, in the order of the definition.
///
/// # Errors
/// No port is left for an endpoint that names none.
pub(crate) fn local_ports(role: &Role) -> Result<Vec<LocalPorts>, PlanError> {
    let mut taken: Vec<PortRange> = Vec::new();
    for endpoint in &role.endpoints {
        if let Some(LocalPorts::Ranges(ranges)) = declared(endpoint) {
            taken.extend(ranges);
        }
    }
    let mut ports = Vec::with_capacity(role.endpoints.len());
    for endpoint in &role.endpoints {
        ports.push(match declared(endpoint) {
            Some(declared) => declared,
            None => {
                let port = free_port(&taken).ok_or_else(|| PlanError::NoPortLeft {
                    role: role.name.to_string(),
                    endpoint: endpoint.name.to_string(),
                })?;
                let range = PortRange::single(port);
                taken.push(range);
                LocalPorts::Ranges(vec![range])
            }
        });
    }
    Ok(ports)
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

fn free_port(taken: &[PortRange]) -> Option<Port> {
    let is_free = |port: &Port| !taken.iter().any(|range| range.overlaps(PortRange::single(*port)));
    (FIRST_DYNAMIC..=u16::MAX).filter_map(Port::new).find(is_free)
}
