//! Connections of the deployment's own instances to its public ports.
//!
//! A role that connects to the service's public side gets to whom a client outside would get: the load balancer's
//! choice among the same instances, by affinity or in turn. The connection itself is made in memory, by the network. The turn is one
//! of its own, so that what happens inside does not show in the order outside.
//!
//! A port whose TLS ends at the balancer has no such connections yet: they are refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wasm_roles_virtual_network::{Interface, PublicPorts};

use crate::backends::Backends;
use crate::rotation::Turn;

/// The public TCP ports that instances can reach.
pub(crate) struct Hairpin<T> {
    ports: Mutex<BTreeMap<u16, Port<T>>>,
}

struct Port<T> {
    backends: Backends<T>,
    turn: Turn,
}

impl<T> Hairpin<T> {
    pub(crate) const fn new() -> Self {
        Self { ports: Mutex::new(BTreeMap::new()) }
    }

    /// Opens a port, or opens it anew. One that is closed outside needs no word here: the policy does not have it any more.
    pub(crate) fn open(&self, backends: Backends<T>) {
        let port = backends.public.port.get();
        let before = self.ports().insert(port, Port { backends, turn: Turn::default() });
        drop(before);
    }

    /// Offers a connection to those who may have it, until one takes it.
    fn offer_each(&self, port: u16, client: IpAddr, mut take: impl FnMut(&T, NonZeroU16) -> bool) -> bool {
        let mut ports = self.ports();
        let Some(Port { backends, turn }) = ports.get_mut(&port) else { return false };
        let local = NonZeroU16::from(backends.public.local_port);
        let rotation = backends.rotation.borrow();
        let taken_by = backends.in_order(&rotation, client, *turn).find(|(_, taker)| take(taker, local));
        let taken_by = taken_by.map(|(ordinal, _)| ordinal);
        drop(rotation);
        *turn = taken_by.map_or(*turn, Turn::taken_by);
        taken_by.is_some()
    }

    fn ports(&self) -> MutexGuard<'_, BTreeMap<u16, Port<T>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PublicPorts for Hairpin<Interface> {
    fn offer(&self, port: u16, client: IpAddr, take: &mut dyn FnMut(&Interface, NonZeroU16) -> bool) -> bool {
        self.offer_each(port, client, take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Members;
    use crate::test_plans::plan_of;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    /// Public port 80 of a role with three instances, which are called by their letters.
    fn hairpin(attributes: &str) -> (Hairpin<char>, Members<char>) {
        let plan = plan_of(
            &format!(
                r#"<WorkerRole name="W"><Endpoints>
                    <InputEndpoint name="In" protocol="tcp" port="80" localPort="8080" {attributes} />
                </Endpoints></WorkerRole>"#
            ),
            r#"<Role name="W"><Instances count="3" /></Role>"#,
        );
        let (hairpin, members) = (Hairpin::new(), Members::new());
        for (ordinal, letter) in (0..).zip("abc".chars()) {
            members.place(ordinal).enter(letter);
        }
        let public = plan.public.first().unwrap().clone();
        hairpin.open(Backends { public, only: None, rotation: members.ready(), healthy: None });
        (hairpin, members)
    }

    fn takers(hairpin: &Hairpin<char>, count: usize, takes: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        for _ in 0..count {
            hairpin.offer_each(80, CLIENT, |letter, port| {
                assert_eq!(port.get(), 8080);
                if takes(*letter) {
                    taken.push(*letter);
                }
                takes(*letter)
            });
        }
        taken
    }

    #[test]
    fn connections_go_round_as_those_from_outside_do() {
        let (hairpin, members) = hairpin("");
        assert_eq!(takers(&hairpin, 4, |_| true), "abca");
        assert_eq!(takers(&hairpin, 2, |letter| letter != 'b'), "ca", "who cannot take is passed over");
        members.place(2).leave();
        assert_eq!(takers(&hairpin, 3, |_| true), "bab", "who left the rotation gets none");
        assert!(!hairpin.offer_each(81, CLIENT, |_, _| true));
        assert_eq!(takers(&hairpin, 3, |_| false), "");
    }

    #[test]
    fn connections_with_affinity_stay_with_one_instance() {
        let (hairpin, _members) = hairpin(r#"loadBalancerDistribution="sourceIP""#);
        let taken = takers(&hairpin, 5, |_| true);
        assert_eq!(taken.chars().collect::<std::collections::BTreeSet<_>>().len(), 1, "{taken}");
    }
}
