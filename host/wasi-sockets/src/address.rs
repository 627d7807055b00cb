//! Addresses: which ones the interfaces allow where, and their conversion.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address family of a socket. IPv6 sockets are IPv6 only, as the interfaces demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// Whether a socket of this family may be bound to `address`: a unicast address or unspecified, of the same family, and
    /// not IPv4 in disguise.
    pub(crate) fn may_bind(self, address: SocketAddr) -> bool {
        match (self, address.ip()) {
            (Self::V4, IpAddr::V4(ip)) => !ip.is_multicast() && !ip.is_broadcast(),
            (Self::V6, IpAddr::V6(ip)) => !ip.is_multicast() && ip.to_ipv4_mapped().is_none(),
            (Self::V4, IpAddr::V6(_)) | (Self::V6, IpAddr::V4(_)) => false,
        }
    }

    /// Whether a socket of this family may be connected to `address`: one that it may be bound to, but with a port and
    /// not unspecified.
    pub(crate) fn may_connect(self, address: SocketAddr) -> bool {
        self.may_bind(address) && address.port() != 0 && !address.ip().is_unspecified()
    }

    /// Whether `address` is of this family, and not IPv4 in disguise: what a UDP socket of this family may be bound to. Whether
    /// it can be, the network says.
    pub(crate) fn has(self, address: SocketAddr) -> bool {
        match (self, address.ip()) {
            (Self::V4, IpAddr::V4(_)) => true,
            (Self::V6, IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_none(),
            (Self::V4, IpAddr::V6(_)) | (Self::V6, IpAddr::V4(_)) => false,
        }
    }

    /// Whether a UDP socket of this family may send to `address`: one of the family, with a port and not unspecified.
    pub(crate) fn may_send_to(self, address: SocketAddr) -> bool {
        self.has(address) && address.port() != 0 && !address.ip().is_unspecified()
    }

    /// Every address of the family, any port: what an implicit bind takes.
    pub(crate) fn unspecified(self) -> SocketAddr {
        match self {
            Self::V4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            Self::V6 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        }
    }
}

/// Implements the conversions between the address types of std and those that `bindgen!` made in a module. The two
/// versions of the interfaces have the same types under different names.
///
/// Flow labels and scopes are dropped on the way in: addresses here belong to one link and no flow.
macro_rules! conversions {
    ($types:path) => {
        use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
        use $crate::address::Family;
        use $types::{
            IpAddress, IpAddressFamily, IpSocketAddress, Ipv4Address, Ipv4SocketAddress, Ipv6Address,
            Ipv6SocketAddress,
        };

        impl From<IpAddressFamily> for Family {
            fn from(family: IpAddressFamily) -> Self {
                match family {
                    IpAddressFamily::Ipv4 => Self::V4,
                    IpAddressFamily::Ipv6 => Self::V6,
                }
            }
        }

        impl From<Family> for IpAddressFamily {
            fn from(family: Family) -> Self {
                match family {
                    Family::V4 => Self::Ipv4,
                    Family::V6 => Self::Ipv6,
                }
            }
        }

        impl From<IpSocketAddress> for SocketAddr {
            fn from(address: IpSocketAddress) -> Self {
                match address {
                    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
                        Self::from((Ipv4Addr::new(a, b, c, d), port))
                    }
                    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, address, .. }) => {
                        let (a, b, c, d, e, f, g, h) = address;
                        Self::from((Ipv6Addr::new(a, b, c, d, e, f, g, h), port))
                    }
                }
            }
        }

        impl From<SocketAddr> for IpSocketAddress {
            fn from(address: SocketAddr) -> Self {
                let port = address.port();
                match address.ip() {
                    IpAddr::V4(ip) => Self::Ipv4(Ipv4SocketAddress { port, address: octets(ip) }),
                    IpAddr::V6(ip) => Self::Ipv6(Ipv6SocketAddress {
                        port,
                        flow_info: 0,
                        address: segments(ip),
                        scope_id: 0,
                    }),
                }
            }
        }

        impl From<IpAddr> for IpAddress {
            /// IPv4 in disguise becomes plain IPv4: look-ups never give the disguised form.
            fn from(address: IpAddr) -> Self {
                match address.to_canonical() {
                    IpAddr::V4(ip) => Self::Ipv4(octets(ip)),
                    IpAddr::V6(ip) => Self::Ipv6(segments(ip)),
                }
            }
        }

        fn octets(address: Ipv4Addr) -> Ipv4Address {
            address.octets().into()
        }

        fn segments(address: Ipv6Addr) -> Ipv6Address {
            address.segments().into()
        }
    };
}
pub(crate) use conversions;

#[cfg(test)]
mod tests {
    use super::Family::{V4, V6};
    use super::*;

    #[test]
    fn what_may_be_bound_and_connected() {
        for (family, address, bind, connect) in [
            (V4, "10.0.0.4:80", true, true),
            (V4, "10.0.0.4:0", true, false),
            (V4, "0.0.0.0:80", true, false),
            (V4, "224.0.0.1:80", false, false),
            (V4, "255.255.255.255:80", false, false),
            (V4, "[::1]:80", false, false),
            (V6, "[::1]:80", true, true),
            (V6, "[::]:80", true, false),
            (V6, "[::1]:0", true, false),
            (V6, "[ff02::1]:80", false, false),
            (V6, "[::ffff:10.0.0.4]:80", false, false),
            (V6, "10.0.0.4:80", false, false),
        ] {
            let parsed: SocketAddr = address.parse().unwrap();
            assert_eq!(family.may_bind(parsed), bind, "bind {address}");
            assert_eq!(family.may_connect(parsed), connect, "connect {address}");
        }
    }

    #[test]
    fn where_datagrams_may_come_from_and_go_to() {
        for (family, address, has, send) in [
            (V4, "10.0.0.4:80", true, true),
            (V4, "10.0.0.4:0", true, false),
            (V4, "0.0.0.0:80", true, false),
            // The interface of UDP does not forbid these, so the network answers.
            (V4, "224.0.0.1:80", true, true),
            (V4, "255.255.255.255:80", true, true),
            (V4, "[::1]:80", false, false),
            (V6, "[::1]:80", true, true),
            (V6, "[::]:80", true, false),
            (V6, "[::ffff:10.0.0.4]:80", false, false),
            (V6, "10.0.0.4:80", false, false),
        ] {
            let parsed: SocketAddr = address.parse().unwrap();
            assert_eq!(family.has(parsed), has, "bind {address}");
            assert_eq!(family.may_send_to(parsed), send, "send {address}");
        }
    }

    #[test]
    fn an_implicit_bind_is_one_that_a_guest_may_ask_for_too() {
        for family in [V4, V6] {
            assert!(family.may_bind(family.unspecified()) && family.has(family.unspecified()));
        }
    }
}
