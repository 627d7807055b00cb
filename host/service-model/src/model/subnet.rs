//! Ranges of addresses.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use thiserror::Error;

/// A range of addresses that have their first bits in common, written `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet {
    /// The first address.
    network: Ipv4Addr,
    /// How many bits are in common, 0 to 32.
    prefix: u8,
}

/// A text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a range of addresses such as `10.1.0.0/16`")]
pub struct SubnetError;

impl Subnet {
    const BITS: u8 = 32;

    /// The first address of the range.
    pub fn network(self) -> Ipv4Addr {
        self.network
    }

    /// How many bits its addresses have in common, 0 to 32.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether the address is in the range.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & Self::mask(self.prefix) == self.network.to_bits()
    }

    fn mask(prefix: u8) -> u32 {
        let free = Self::BITS.saturating_sub(prefix);
        u32::MAX.checked_shl(free.into()).unwrap_or(0)
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    /// Bits of the address beyond the common ones do not count. An address alone is the range with nothing else in it.
    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().map_err(|_| SubnetError)?),
            None => (text, Self::BITS),
        };
        let address: Ipv4Addr = address.parse().map_err(|_| SubnetError)?;
        if prefix > Self::BITS {
            return Err(SubnetError);
        }
        let network = Ipv4Addr::from_bits(address.to_bits() & Self::mask(prefix));
        Ok(Subnet { network, prefix })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_has_the_addresses_with_its_first_bits() {
        let range = subnet("10.1.2.3/16");
        assert_eq!(range.to_string(), "10.1.0.0/16");
        assert!(range.contains(Ipv4Addr::new(10, 1, 255, 255)));
        assert!(!range.contains(Ipv4Addr::new(10, 2, 0, 0)));
    }

    #[test]
    fn the_widest_range_has_every_address_and_the_narrowest_one() {
        assert!(subnet("0.0.0.0/0").contains(Ipv4Addr::BROADCAST));
        assert_eq!(subnet("10.0.0.1"), subnet("10.0.0.1/32"));
        assert!(!subnet("10.0.0.1").contains(Ipv4Addr::new(10, 0, 0, 2)));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "/", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "::/0"] {
            assert_eq!(text.parse::<Subnet>(), Err(SubnetError), "{text:?}");
        }
    }
}
