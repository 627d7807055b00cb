//! Addresses and names, in Rust's types and in WASI's.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types as wasi;

use super::error::{lookup_error, needs_component};
use crate::Endpoint;

/// Where to connect to: an address, or a name of the deployment and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address.
    Address(SocketAddr),
    /// `<role>`, `<instance id>` or `<n>.<role>`, and a port. An IP address as text is a name, too.
    Name(String, u16),
}

impl Destination {
    /// Every address that the destination stands for, in the order in which to try them.
    pub(super) async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Address(address) => Ok(vec![*address]),
            Self::Name(name, port) => {
                let addresses = resolve(name).await?;
                Ok(addresses.into_iter().map(|address| SocketAddr::new(address, *port)).collect())
            }
        }
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<(IpAddr, u16)> for Destination {
    fn from(address: (IpAddr, u16)) -> Self {
        Self::Address(address.into())
    }
}

impl From<(Ipv4Addr, u16)> for Destination {
    fn from(address: (Ipv4Addr, u16)) -> Self {
        Self::Address(address.into())
    }
}

impl From<(&str, u16)> for Destination {
    fn from((name, port): (&str, u16)) -> Self {
        Self::Name(name.to_owned(), port)
    }
}

impl From<(String, u16)> for Destination {
    fn from((name, port): (String, u16)) -> Self {
        Self::Name(name, port)
    }
}

impl From<&Endpoint> for Destination {
    fn from(endpoint: &Endpoint) -> Self {
        Self::Address(endpoint.socket_address())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// The addresses behind a name of the deployment. The order changes from call to call for the name of a role.
///
/// # Errors
///
/// [`NotFound`](io::ErrorKind::NotFound) if nothing that this instance may see has this name.
pub async fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    needs_component()?;
    let addresses = resolve_addresses(name.to_owned()).await.map_err(lookup_error)?;
    Ok(addresses.into_iter().map(address_from_wasi).collect())
}

pub(super) const fn family(address: SocketAddr) -> wasi::IpAddressFamily {
    match address {
        SocketAddr::V4(_) => wasi::IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => wasi::IpAddressFamily::Ipv6,
    }
}

pub(super) fn to_wasi(address: SocketAddr) -> wasi::IpSocketAddress {
    match address {
        SocketAddr::V4(address) => wasi::IpSocketAddress::Ipv4(wasi::Ipv4SocketAddress {
            port: address.port(),
            address: address.ip().octets().into(),
        }),
        SocketAddr::V6(address) => wasi::IpSocketAddress::Ipv6(wasi::Ipv6SocketAddress {
            port: address.port(),
            flow_info: address.flowinfo(),
            address: address.ip().segments().into(),
            scope_id: address.scope_id(),
        }),
    }
}

pub(super) fn from_wasi(address: wasi::IpSocketAddress) -> SocketAddr {
    match address {
        wasi::IpSocketAddress::Ipv4(address) => {
            SocketAddrV4::new(<[u8; 4]>::from(address.address).into(), address.port).into()
        }
        wasi::IpSocketAddress::Ipv6(address) => {
            let ip = Ipv6Addr::from(<[u16; 8]>::from(address.address));
            SocketAddrV6::new(ip, address.port, address.flow_info, address.scope_id).into()
        }
    }
}

fn address_from_wasi(address: wasi::IpAddress) -> IpAddr {
    match address {
        wasi::IpAddress::Ipv4(octets) => <[u8; 4]>::from(octets).into(),
        wasi::IpAddress::Ipv6(segments) => <[u16; 8]>::from(segments).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_to_wasi_and_back() {
        for text in ["10.0.0.4:80", "0.0.0.0:0", "[::1]:65535", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_wasi(to_wasi(address)), address);
        }
    }

    #[test]
    fn a_destination_is_printed_as_people_write_it() {
        assert_eq!(Destination::from(("WorkerRole1", 8999)).to_string(), "WorkerRole1:8999");
        assert_eq!(Destination::from((Ipv4Addr::LOCALHOST, 80)).to_string(), "127.0.0.1:80");
    }
}
