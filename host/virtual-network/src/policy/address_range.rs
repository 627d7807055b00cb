//! Ranges of addresses in a rule, and which addresses need more than a wide range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that begin with the same bits, such as `10.20.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

/// How an address outside may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Everybody's internet: a rule may name it or a host that has it.
    Public,
    /// Somebody's own network: a range must contain it. A name never leads there by itself.
    Private,
    /// The host itself, its link, its platform, and ways round to IPv4: a range must name it, that is, lie within this one.
    Special(AddressRange),
    /// No rule leads there: multicast, broadcast, unspecified, reserved, IPv4 in IPv6 clothes.
    Never,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> AddressRange {
    AddressRange { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> AddressRange {
    AddressRange { first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
}

const fn one_v6(last: u16) -> AddressRange {
    AddressRange { first: IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, last)), prefix: 128 }
}

/// Loopback of the host.
pub(super) const LOOPBACK: [AddressRange; 2] = [v4(127, 0, 0, 0, 8), one_v6(1)];

/// See [`Class::Special`]. 168.63.129.16 is where Azure's machines find their platform; 169.254.169.254, where most clouds
/// keep a machine's credentials, is link-local; others have 100.100.100.200, 192.0.0.192, fd00:ec2::254 and fd20:ce::254 for it.
const SPECIAL: [AddressRange; 13] = [
    LOOPBACK[0],
    LOOPBACK[1],
    v4(169, 254, 0, 0, 16),
    v4(168, 63, 129, 16, 32),
    v4(100, 100, 100, 200, 32),
    v4(192, 0, 0, 192, 32),
    v6(0xfe80, 0, 0, 10),
    v6(0x64, 0xff9b, 0, 96),
    v6(0x64, 0xff9b, 1, 48),
    v6(0x2002, 0, 0, 16),
    v6(0x2001, 0, 0, 32),
    v6(0xfd00, 0xec2, 0, 32),
    v6(0xfd20, 0xce, 0, 32),
];

/// See [`Class::Never`]. `::/8` has IPv4 addresses in several forms; loopback and NAT64, which lie in it, are found before.
const NEVER: [AddressRange; 5] =
    [v4(0, 0, 0, 0, 8), v4(224, 0, 0, 0, 4), v4(240, 0, 0, 0, 4), v6(0, 0, 0, 8), v6(0xff00, 0, 0, 8)];

/// See [`Class::Private`].
const PRIVATE: [AddressRange; 8] = [
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(100, 64, 0, 0, 10),
    v4(192, 0, 0, 0, 24),
    v4(198, 18, 0, 0, 15),
    v6(0xfc00, 0, 0, 7),
    v6(0xfec0, 0, 0, 10),
];

impl Class {
    pub(super) fn of(address: IpAddr) -> Self {
        let within = |ranges: &[AddressRange]| ranges.iter().copied().find(|range| range.contains(address));
        if let Some(range) = within(&SPECIAL) {
            Self::Special(range)
        } else if within(&NEVER).is_some() {
            Self::Never
        } else if within(&PRIVATE).is_some() {
            Self::Private
        } else {
            Self::Public
        }
    }
}

impl AddressRange {
    /// The addresses whose first `prefix` bits are those of `first`; `None` when `first` has a bit set behind them, or when
    /// there are not so many bits.
    #[must_use]
    pub fn new(first: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= Self::bits(first) && Self::masked(first, prefix) == first)
            .then_some(Self { first, prefix })
    }

    /// One address.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        Self { first: address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The address, if it is one.
    pub(super) fn as_single(&self) -> Option<IpAddr> {
        (self.prefix == Self::bits(self.first)).then_some(self.first)
    }

    /// The range of this length that contains `address`. A length that is too long is cut.
    #[must_use]
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(Self::bits(address));
        Self { first: Self::masked(address, prefix), prefix }
    }

    /// Whether it is a range of IPv4 addresses.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// Whether `address` is one of them. IPv4 and IPv6 have nothing in common.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && Self::masked(address, self.prefix) == self.first
    }

    /// Whether all of them are in `other`.
    fn is_within(&self, other: &Self) -> bool {
        self.prefix >= other.prefix && other.contains(self.first)
    }

    /// Whether a rule with this range leads to `address`.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.contains(address)
            && match Class::of(address) {
                Class::Public | Class::Private => true,
                Class::Special(special) => self.is_within(&special),
                Class::Never => false,
            }
    }

    /// `address` with all bits behind the prefix cleared.
    pub(super) fn masked(address: IpAddr, prefix: u8) -> IpAddr {
        let behind = u32::from(Self::bits(address).saturating_sub(prefix));
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(behind).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        }
    }

    pub(super) const fn bits(address: IpAddr) -> u8 {
        if address.is_ipv4() { 32 } else { 128 }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.prefix == Self::bits(self.first) { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn range(text: &str) -> AddressRange {
        let (first, prefix) = text.split_once('/').unwrap();
        AddressRange::new(address(first), prefix.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_address_has_a_class() {
        for (text, expected) in [
            ("93.184.216.34", "public"),
            ("2606:2800:220:1::1", "public"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("172.32.0.0", "public"),
            ("192.168.0.1", "private"),
            ("100.127.0.1", "private"),
            ("fd12::1", "private"),
            ("127.0.0.1", "special"),
            ("127.255.0.1", "special"),
            ("::1", "special"),
            ("169.254.169.254", "special"),
            ("168.63.129.16", "special"),
            ("fe80::1", "special"),
            ("fd00:ec2::254", "special"),
            ("fd20:ce::254", "special"),
            ("100.100.100.200", "special"),
            ("192.0.0.192", "special"),
            ("64:ff9b::a9fe:a9fe", "special"),
            ("64:ff9b:1::7f00:1", "special"),
            ("2002:7f00:1::", "special"),
            ("2001:0:4136:e378::1", "special"),
            ("0.0.0.0", "never"),
            ("0.1.2.3", "never"),
            ("224.0.0.1", "never"),
            ("255.255.255.255", "never"),
            ("::", "never"),
            ("::7f00:1", "never"),
            ("ff02::1", "never"),
            ("::ffff:127.0.0.1", "never"),
            ("::ffff:93.184.216.34", "never"),
            ("::ffff:0:10.0.0.1", "never"),
        ] {
            let class = match Class::of(address(text)) {
                Class::Public => "public",
                Class::Private => "private",
                Class::Special(_) => "special",
                Class::Never => "never",
            };
            assert_eq!(class, expected, "{text}");
        }
    }

    #[test]
    fn a_wide_range_does_not_lead_to_special_addresses_and_a_narrow_one_does() {
        for (text, to, admits) in [
            ("0.0.0.0/0", "93.184.216.34", true),
            ("0.0.0.0/0", "10.1.2.3", true),
            ("0.0.0.0/0", "127.0.0.1", false),
            ("126.0.0.0/7", "127.0.0.1", false),
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("0.0.0.0/0", "169.254.169.254", false),
            ("169.254.0.0/16", "169.254.169.254", true),
            ("0.0.0.0/0", "168.63.129.16", false),
            ("0.0.0.0/0", "224.0.0.1", false),
            ("224.0.0.0/4", "224.0.0.1", false),
            ("::/0", "2606:2800:220:1::1", true),
            ("::/0", "::1", false),
            ("::1/128", "::1", true),
            ("::/0", "::ffff:127.0.0.1", false),
            ("::ffff:0:0/96", "::ffff:127.0.0.1", false),
            ("::/0", "64:ff9b::7f00:1", false),
            ("0.0.0.0/0", "2606:2800:220:1::1", false),
            ("::/0", "93.184.216.34", false),
        ] {
            assert_eq!(range(text).admits(address(to)), admits, "{text} {to}");
        }
    }

    #[test]
    fn a_range_begins_at_its_first_address() {
        assert!(AddressRange::new(address("10.0.0.1"), 8).is_none());
        assert!(AddressRange::new(address("10.0.0.0"), 33).is_none());
        assert!(AddressRange::new(address("::"), 129).is_none());
        assert_eq!(range("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(AddressRange::single(address("10.0.0.1")).to_string(), "10.0.0.1");
    }
}
