//! Looking at a network and disturbing it: its tap, the counters of its endpoints, its faults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::{Network, Shared};
use crate::capture::Tap;
use crate::counters::{EndpointCounters, EndpointKey};
use crate::faults::Faults;
use crate::sync::read;
use crate::tcp::Side;

impl Network {
    /// The faults that the network has, to set and lift them.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::new(self.shared.clone())
    }

    /// Lets `tap` see every packet from now on; of connections, those that begin from now on. A network has one tap, for good:
    /// false when it has one already, which stays.
    pub fn set_tap(&self, tap: Arc<dyn Tap>) -> bool {
        let attached = read(&self.shared.attached);
        if self.shared.tap.set(tap).is_err() {
            return false;
        }
        for core in attached.values().filter_map(Weak::upgrade) {
            self.shared.tap().inspect(|tap| tap.attached(core.address(), core.id()));
        }
        true
    }

    /// What each endpoint of each instance has done; those that nobody has bound or was denied are not there.
    #[must_use]
    pub fn endpoint_counters(&self) -> BTreeMap<EndpointKey, EndpointCounters> {
        self.shared.tallies.read()
    }
}

impl Shared {
    pub(crate) fn tap(&self) -> Option<Arc<dyn Tap>> {
        self.tap.get().cloned()
    }

    pub(crate) fn next_conversation(&self) -> u32 {
        self.conversations.fetch_add(1, Ordering::Relaxed)
    }

    /// The id of the instance that has an address.
    pub(crate) fn name_of(&self, address: IpAddr) -> Option<String> {
        let IpAddr::V4(address) = address else { return None };
        let policy = self.policy();
        policy.instance_id(policy.instance_at(address)?).map(str::to_owned)
    }

    /// Resets the connections between two different instances that `concerns` names by client and server.
    pub(crate) fn reset_connections(&self, concerns: impl Fn(Ipv4Addr, Ipv4Addr) -> bool) -> usize {
        let cores: Vec<_> = read(&self.attached).values().filter_map(Weak::upgrade).collect();
        let opened = cores.iter().flat_map(|core| core.sockets().opened_connections());
        let concerned = opened.filter(|pipes| {
            let ends = pipes.course().link().map(|link| link.ends(Side::Client));
            ends.is_some_and(|(client, server)| concerns(client, server))
        });
        concerned.map(|pipes| pipes.break_up()).count()
    }
}
