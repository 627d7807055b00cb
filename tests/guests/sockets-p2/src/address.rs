//! Addresses as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

/// The address that `text` writes.
pub fn at(text: &str) -> Result<IpSocketAddress, ErrorCode> {
    let address: SocketAddr = text.parse().map_err(|_| ErrorCode::Unknown)?;
    let port = address.port();
    Ok(match address.ip() {
        IpAddr::V4(ip) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: ip.octets().into() }),
        IpAddr::V6(ip) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: 0,
            address: ip.segments().into(),
            scope_id: 0,
        }),
    })
}

/// The family of a socket for `address`.
pub fn family(address: IpSocketAddress) -> IpAddressFamily {
    match address {
        IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    }
}

pub fn text(address: IpSocketAddress) -> String {
    standard(address).to_string()
}

pub fn port(address: IpSocketAddress) -> u16 {
    standard(address).port()
}

/// As text, with `*` for a port that was chosen.
pub fn shown(address: IpSocketAddress) -> String {
    let address = standard(address);
    match address.port() {
        0 => address.to_string(),
        port => address.to_string().trim_end_matches(&port.to_string()).to_owned() + "*",
    }
}

fn standard(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
            (Ipv4Addr::new(a, b, c, d), port).into()
        }
        IpSocketAddress::Ipv6(Ipv6SocketAddress { port, address, .. }) => {
            let (a, b, c, d, e, f, g, h) = address;
            (Ipv6Addr::new(a, b, c, d, e, f, g, h), port).into()
        }
    }
}
