//! Addresses as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wasip3::sockets::types::{
    IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

use crate::outcome::{Failure, Outcome};

/// An address and the family of its socket.
pub struct Parsed {
    pub family: IpAddressFamily,
    pub address: IpSocketAddress,
}

pub fn parse(text: &str) -> Outcome<Parsed> {
    let address: SocketAddr = text.parse().map_err(|_| Failure("InvalidInput".to_owned()))?;
    let port = address.port();
    Ok(match address.ip() {
        IpAddr::V4(ip) => Parsed {
            family: IpAddressFamily::Ipv4,
            address: IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: ip.octets().into() }),
        },
        IpAddr::V6(ip) => Parsed {
            family: IpAddressFamily::Ipv6,
            address: IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: 0,
                address: ip.segments().into(),
                scope_id: 0,
            }),
        },
    })
}

pub fn text(address: IpSocketAddress) -> String {
    let (host, port) = match address {
        IpSocketAddress::Ipv4(ipv4) => (ip(IpAddress::Ipv4(ipv4.address)), ipv4.port),
        IpSocketAddress::Ipv6(ipv6) => (ip(IpAddress::Ipv6(ipv6.address)), ipv6.port),
    };
    SocketAddr::new(host, port).to_string()
}

pub fn host(address: IpAddress) -> String {
    ip(address).to_string()
}

fn ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}

/// The address that `text` writes.
pub fn at(text: &str) -> Outcome<IpSocketAddress> {
    parse(text).map(|parsed| parsed.address)
}

pub fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(ipv4) => ipv4.port,
        IpSocketAddress::Ipv6(ipv6) => ipv6.port,
    }
}

/// As text, with `*` for a port that was chosen.
pub fn shown(address: IpSocketAddress) -> String {
    match port(address) {
        0 => text(address),
        port => text(address).trim_end_matches(&port.to_string()).to_owned() + "*",
    }
}
