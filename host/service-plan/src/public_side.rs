//! The public side of a deployment, as its own instances see it.
//!
//! On the platform a service has one public address for all of its roles, and the name `<service>.cloudapp.net` (facts:
//! section 2.4). Here both exist inside of the deployment only: the address is the first of its subnet, which no instance
//! has, and the ports are the public ports of the definition, wherever they are published on the host.

use std::net::{IpAddr, Ipv4Addr};

use wasm_roles_virtual_network::policy::{AddressRange, PublicSide, Transport};

use crate::PublicPort;

/// The address of the public side.
pub(crate) const PUBLIC_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// All addresses of a deployment, whether somebody has them or not.
pub(crate) fn subnet() -> AddressRange {
    AddressRange::around(IpAddr::V4(PUBLIC_ADDRESS), 16)
}

/// The public side of a service; `None` when it has no public port.
pub(crate) fn public_side(service: &str, ports: &[PublicPort]) -> Option<PublicSide> {
    let transport = |port: &PublicPort| match port.transport {
        wasm_roles_service_model::Transport::Tcp => Transport::Tcp,
        wasm_roles_service_model::Transport::Udp => Transport::Udp,
    };
    (!ports.is_empty()).then(|| PublicSide {
        address: PUBLIC_ADDRESS,
        name: format!("{service}.cloudapp.net"),
        ports: ports.iter().map(|port| (transport(port), port.port.get())).collect(),
    })
}
