//! From an address to the instance that has it.

use std::net::Ipv4Addr;

use super::InstanceIndex;

/// Holes that a dense table may have, beyond as many as it has entries.
const SLACK: usize = 1024;

/// The addresses of the instances. Plans hand them out in a row, so that one subtraction finds the instance;
/// addresses that lie far apart are searched for.
#[derive(Clone, Debug)]
pub(super) enum AddressIndex {
    Dense { first: u32, instances: Box<[Option<InstanceIndex>]> },
    Sparse(Box<[(u32, InstanceIndex)]>),
}

impl AddressIndex {
    /// An index of `addresses`, or the first address that is there twice.
    pub(super) fn new(mut addresses: Vec<(Ipv4Addr, InstanceIndex)>) -> Result<Self, Ipv4Addr> {
        addresses.sort_unstable();
        let twice = addresses.iter().zip(addresses.iter().skip(1)).find(|((one, _), (next, _))| one == next);
        if let Some(((address, _), _)) = twice {
            return Err(*address);
        }
        let addresses = addresses.into_iter().map(|(address, instance)| (address.to_bits(), instance));
        Ok(Self::from_sorted(addresses.collect()))
    }

    fn from_sorted(addresses: Box<[(u32, InstanceIndex)]>) -> Self {
        let (Some((first, _)), Some((last, _))) = (addresses.first(), addresses.last()) else {
            return Self::Sparse(addresses);
        };
        let first = *first;
        let span = offset(first, *last).map_or(usize::MAX, |distance| distance.saturating_add(1));
        if span > addresses.len().saturating_mul(2).saturating_add(SLACK) {
            return Self::Sparse(addresses);
        }
        let mut instances = vec![None; span].into_boxed_slice();
        for (address, instance) in addresses {
            if let Some(slot) = offset(first, address).and_then(|at| instances.get_mut(at)) {
                *slot = Some(instance);
            }
        }
        Self::Dense { first, instances }
    }

    /// The instance that has `address`.
    pub(super) fn find(&self, address: Ipv4Addr) -> Option<InstanceIndex> {
        let address = address.to_bits();
        match self {
            Self::Dense { first, instances } => instances.get(offset(*first, address)?).copied().flatten(),
            Self::Sparse(addresses) => {
                let at = addresses.binary_search_by_key(&address, |(address, _)| *address).ok()?;
                addresses.get(at).map(|(_, instance)| *instance)
            }
        }
    }
}

fn offset(first: u32, address: u32) -> Option<usize> {
    usize::try_from(address.checked_sub(first)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(bits: &[u32]) -> AddressIndex {
        let addresses = bits.iter().zip(0..).map(|(bits, n)| (Ipv4Addr::from_bits(*bits), InstanceIndex(n)));
        AddressIndex::new(addresses.collect()).unwrap()
    }

    #[test]
    fn addresses_in_a_row_and_far_apart_are_found_alike() {
        let row: Vec<u32> = (0x0A00_0004..0x0A00_0404).collect();
        let apart = [0, 7, 0x0A00_0004, u32::MAX];
        for (bits, dense) in [(row.as_slice(), true), (apart.as_slice(), false), (&[], false)] {
            let index = index(bits);
            assert_eq!(matches!(index, AddressIndex::Dense { .. }), dense);
            for (bits, n) in bits.iter().zip(0..) {
                assert_eq!(index.find(Ipv4Addr::from_bits(*bits)), Some(InstanceIndex(n)));
            }
            for stranger in [1, 0x0A00_0003, 0x0A00_0404, u32::MAX - 1] {
                assert_eq!(index.find(Ipv4Addr::from_bits(stranger)), None);
            }
        }
    }

    #[test]
    fn an_address_that_is_there_twice_is_named() {
        let address = Ipv4Addr::new(10, 0, 0, 4);
        let twice = vec![
            (address, InstanceIndex(0)),
            (Ipv4Addr::LOCALHOST, InstanceIndex(1)),
            (address, InstanceIndex(2)),
        ];
        assert_eq!(AddressIndex::new(twice).unwrap_err(), address);
    }
}
