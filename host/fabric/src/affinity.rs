//! Affinity: connections of one client stay with one instance.
//!
//! Each instance has a weight for each client, and the heaviest that can take the connection gets it. So a client keeps its
//! instance as long as that one can be had, and whoever joins or leaves moves only those clients that it takes or that it
//! had (rendezvous hashing). The weights depend on nothing but the client and the instance's number: they are the same
//! for all public ports of a role, on every machine, after every restart.
//!
//! The address of the service is part of what the documentation hashes. A deployment has one, so it makes no difference
//! and is left out.

use std::net::IpAddr;

use wasm_roles_service_plan::{Distribution, Transport};

/// What connections that stay together have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity(u64);

impl Affinity {
    /// What ties a connection or a datagram of this client; `None` when each connection is on its own. An IPv4 address in
    /// IPv6 form is the IPv4 address.
    #[must_use]
    pub fn of(distribution: Distribution, transport: Transport, client: IpAddr) -> Option<Self> {
        let transport = match (distribution, transport) {
            (Distribution::FiveTuple, _) => return None,
            (Distribution::SourceIp, _) => 0,
            (Distribution::SourceIpProtocol, Transport::Tcp) => 6,
            (Distribution::SourceIpProtocol, Transport::Udp) => 17,
        };
        let hash = match client.to_canonical() {
            IpAddr::V4(address) => fnv(&address.octets()),
            IpAddr::V6(address) => fnv(&address.octets()),
        };
        Some(Self(mixed(hash ^ transport)))
    }

    /// How strongly it is drawn to the instance with this number.
    #[must_use]
    pub fn weight(self, ordinal: u32) -> u64 {
        mixed(self.0 ^ mixed(u64::from(ordinal)))
    }
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The last steps of SplitMix64: every bit depends on every other.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    /// Which of these instances a client is drawn to most.
    fn chosen(affinity: Affinity, instances: &[u32]) -> u32 {
        *instances.iter().max_by_key(|ordinal| affinity.weight(**ordinal)).unwrap()
    }

    fn by_address(number: u32) -> Affinity {
        Affinity::of(Distribution::SourceIp, Transport::Tcp, client(number)).unwrap()
    }

    #[test]
    fn what_ties_connections_depends_on_the_distribution() {
        use Distribution::{FiveTuple, SourceIp, SourceIpProtocol};
        use Transport::{Tcp, Udp};
        let (one, other) = (client(0x7f00_0001), client(0x7f00_0002));
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        // Two connections, and whether they stay together.
        let cases = [
            (FiveTuple, (Tcp, one), (Tcp, one), None),
            (SourceIp, (Tcp, one), (Tcp, one), Some(true)),
            (SourceIp, (Tcp, one), (Udp, one), Some(true)),
            (SourceIp, (Tcp, one), (Tcp, mapped), Some(true)),
            (SourceIp, (Tcp, one), (Tcp, other), Some(false)),
            (SourceIpProtocol, (Tcp, one), (Tcp, one), Some(true)),
            (SourceIpProtocol, (Tcp, one), (Udp, one), Some(false)),
            (SourceIpProtocol, (Udp, one), (Udp, mapped), Some(true)),
            (SourceIpProtocol, (Udp, one), (Udp, other), Some(false)),
        ];
        for (distribution, first, second, together) in cases {
            let of = |(transport, client)| Affinity::of(distribution, transport, client);
            let found = of(first).zip(of(second)).map(|(first, second)| first == second);
            assert_eq!(found, together, "{distribution:?} {first:?} {second:?}");
        }
    }

    #[test]
    fn clients_are_spread_over_all_instances() {
        let mut clients = [0_u32; 4];
        for number in 0..4000 {
            clients[chosen(by_address(0x0a00_0000 + number), &[0, 1, 2, 3]) as usize] += 1;
        }
        assert!(clients.iter().all(|clients| (850..1150).contains(clients)), "{clients:?}");
    }

    #[test]
    fn whoever_leaves_or_joins_moves_no_client_of_the_others() {
        for number in 0..1000 {
            let affinity = by_address(number);
            let (all, without_one) = (chosen(affinity, &[0, 1, 2, 3]), chosen(affinity, &[0, 2, 3]));
            assert!(all == 1 || all == without_one, "client {number}: {all}, then {without_one}");
        }
    }
}
