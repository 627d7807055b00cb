//! Addresses, from WIT to std and back. The generated types of both versions have the same shape, but are not the
//! same types.

macro_rules! conversions {
    ($types:path) => {
        use std::net::{IpAddr, SocketAddr, SocketAddrV6};

        use $types::{IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};

        impl From<IpSocketAddress> for SocketAddr {
            fn from(address: IpSocketAddress) -> Self {
                match address {
                    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
                        Self::new([a, b, c, d].into(), port)
                    }
                    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info, address, scope_id }) => {
                        let (a, b, c, d, e, f, g, h) = address;
                        Self::V6(SocketAddrV6::new([a, b, c, d, e, f, g, h].into(), port, flow_info, scope_id))
                    }
                }
            }
        }

        pub(super) fn ip_address(address: IpAddr) -> IpAddress {
            match address {
                IpAddr::V4(v4) => {
                    let [a, b, c, d] = v4.octets();
                    IpAddress::Ipv4((a, b, c, d))
                }
                IpAddr::V6(v6) => {
                    let [a, b, c, d, e, f, g, h] = v6.segments();
                    IpAddress::Ipv6((a, b, c, d, e, f, g, h))
                }
            }
        }

        pub(super) fn socket_address(address: SocketAddr) -> IpSocketAddress {
            let port = address.port();
            match (ip_address(address.ip()), address) {
                (IpAddress::Ipv4(address), _) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
                (IpAddress::Ipv6(address), SocketAddr::V6(v6)) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
                    port,
                    flow_info: v6.flowinfo(),
                    address,
                    scope_id: v6.scope_id(),
                }),
                (IpAddress::Ipv6(address), SocketAddr::V4(_)) => {
                    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
                }
            }
        }

        /// Whether an address belongs to a socket of this family. An IPv4 address in IPv6 clothes belongs to neither:
        /// the documents ask for `invalid-argument`.
        pub(super) fn fits(family: IpAddressFamily, address: SocketAddr) -> bool {
            match (family, address) {
                (IpAddressFamily::Ipv4, SocketAddr::V4(_)) => true,
                (IpAddressFamily::Ipv6, SocketAddr::V6(v6)) => v6.ip().to_ipv4_mapped().is_none(),
                _ => false,
            }
        }
    };
}

pub(crate) use conversions;
