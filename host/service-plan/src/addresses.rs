//! The deployment's private network: 10.0.0.0/16.
//!
//! An instance keeps its address for as long as it lives. A new one gets the lowest that nobody has: neither those that
//! stay nor those that leave, since these are still there while the change is made.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use wasm_roles_service_model::Role;

use crate::Placement;

const NETWORK: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);
/// The first host is .4, as on the platform, where a subnet keeps the ones before it for itself.
const FIRST_HOST: u32 = 4;
/// The last host; the one after it is the broadcast address.
const LAST_HOST: u32 = 0xFFFE;

/// Instances that a deployment has addresses for.
pub(crate) const CAPACITY: u32 = LAST_HOST - FIRST_HOST + 1;

/// Gives every instance of a plan its address.
pub(crate) struct Addresses<'a, I> {
    /// Who runs.
    running: &'a Placement,
    taken: BTreeSet<Ipv4Addr>,
    rest: I,
}

/// The instances of `running` run.
pub(crate) fn addresses(running: &Placement) -> Addresses<'_, impl Iterator<Item = Ipv4Addr>> {
    Addresses { running, taken: running.taken(), rest: hosts() }
}

impl<I: Iterator<Item = Ipv4Addr>> Addresses<'_, I> {
    /// The address of an instance, which is asked for once; none when all are taken.
    pub(crate) fn of(&mut self, role: &Role, ordinal: u32) -> Option<Ipv4Addr> {
        let own = self.running.addresses(role).and_then(|addresses| addresses.get(&ordinal)).copied();
        own.or_else(|| self.rest.by_ref().find(|address| !self.taken.contains(address)))
    }
}

/// Whether an instance can have this address.
pub(crate) fn is_host(address: Ipv4Addr) -> bool {
    let host = address.to_bits() ^ NETWORK.to_bits();
    (FIRST_HOST..=LAST_HOST).contains(&host)
}

/// The addresses of a deployment, one after the other; [`CAPACITY`] of them.
fn hosts() -> impl Iterator<Item = Ipv4Addr> {
    (FIRST_HOST..=LAST_HOST).map(|host| Ipv4Addr::from_bits(NETWORK.to_bits() | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_run_from_the_first_host_to_the_last() {
        let all: Vec<Ipv4Addr> = hosts().collect();
        assert_eq!(all.len(), usize::try_from(CAPACITY).unwrap());
        assert_eq!(all[0], Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!(all[252], Ipv4Addr::new(10, 0, 1, 0));
        assert_eq!(all.last(), Some(&Ipv4Addr::new(10, 0, 255, 254)));
        assert!(all.iter().copied().all(is_host));
        for other in [[10, 0, 0, 3], [10, 0, 255, 255], [10, 1, 0, 4], [0, 0, 0, 0]] {
            assert!(!is_host(other.into()), "{other:?}");
        }
    }
}
