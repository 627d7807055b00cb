//! The deployment's private network: 10.0.0.0/16.
//!
//! An instance keeps its address for as long as it lives. A new one gets the lowest that nobody has: neither those that
//! stay nor those that leave, since these are still there while the change is made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::{InstanceId, Plan};

/// The first host is .4, as on the platform, where a subnet keeps the ones before it for itself.
const FIRST_HOST: u32 = 4;
/// The last host; the one after it is the broadcast address.
const LAST_HOST: u32 = 0xFFFE;

/// Instances that a deployment has addresses for.
pub(crate) const CAPACITY: u32 = LAST_HOST - FIRST_HOST + 1;

/// Gives every instance of a plan its address.
pub(crate) struct Addresses<I> {
    /// The addresses of those who run.
    running: BTreeMap<InstanceId, Ipv4Addr>,
    taken: BTreeSet<Ipv4Addr>,
    rest: I,
}

/// Nobody runs yet, or the instances of `running` do.
pub(crate) fn addresses(running: Option<&Plan>) -> Addresses<impl Iterator<Item = Ipv4Addr>> {
    let running = running.into_iter().flat_map(|plan| &plan.instances);
    let running: BTreeMap<InstanceId, Ipv4Addr> =
        running.map(|instance| (instance.id.clone(), instance.address)).collect();
    Addresses { taken: running.values().copied().collect(), running, rest: hosts() }
}

impl<I: Iterator<Item = Ipv4Addr>> Addresses<I> {
    /// The address of an instance, which is asked for once; none when all are taken.
    pub(crate) fn of(&mut self, instance: &InstanceId) -> Option<Ipv4Addr> {
        let own = self.running.get(instance).copied();
        own.or_else(|| self.rest.by_ref().find(|address| !self.taken.contains(address)))
    }
}

/// The addresses of a deployment, one after the other; [`CAPACITY`] of them.
fn hosts() -> impl Iterator<Item = Ipv4Addr> {
    let network = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    (FIRST_HOST..=LAST_HOST).map(move |host| Ipv4Addr::from_bits(network | host))
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
    }
}
