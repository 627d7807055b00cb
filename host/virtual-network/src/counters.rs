//! What each endpoint of each instance has done.
//!
//! A socket finds the tally of its endpoint when it is made, by its port, and counts into it from then on. So
//! a byte costs an addition, and nothing is looked up. What an instance does on its own loopback or from ephemeral ports
//! belongs to no endpoint and is in the [network's counters](crate::Counters) only. A connection counts where it was
//! accepted: its bytes are those of the endpoint that listens.
//!
//! The number of tallies is bounded by the definition: each instance id has one for each endpoint of its role.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::network::Shared;
use crate::policy::{DenyReason, Operation, Policy, Transport};
use crate::sync::lock;

/// One endpoint of one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// The id of the instance that serves it.
    pub instance: Arc<str>,
    /// The name of the endpoint; empty: ports of the instance that belong to no endpoint. Only denials are counted there.
    pub endpoint: Arc<str>,
    /// The transport: an endpoint for every transport has two lines.
    pub transport: Transport,
}

/// What an endpoint has done since the network was made. It goes on over recycles of the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointCounters {
    /// Connections that were established, from instances and from outside.
    pub connections: u64,
    /// Bytes that came in: of connections those that their clients have sent, of UDP those that found room.
    pub bytes_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
    /// Datagrams that came in and found room.
    pub datagrams_in: u64,
    /// Datagrams that went out.
    pub datagrams_out: u64,
    /// Connects and datagrams to it that the policy denied.
    pub denials: u64,
    /// Datagrams that found no room, and connects that found no place: refused while it listened, or timed out.
    pub drops: u64,
}

/// The counters of one endpoint, shared by its sockets.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    connections: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    datagrams_in: AtomicU64,
    datagrams_out: AtomicU64,
    denials: AtomicU64,
    drops: AtomicU64,
}

impl Tally {
    pub(crate) fn connected(&self) {
        add(&self.connections, 1);
    }

    pub(crate) fn came_in(&self, bytes: usize) {
        add(&self.bytes_in, bytes);
    }

    pub(crate) fn went_out(&self, bytes: usize) {
        add(&self.bytes_out, bytes);
    }

    pub(crate) fn received(&self, bytes: usize) {
        add(&self.datagrams_in, 1);
        add(&self.bytes_in, bytes);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.datagrams_out, 1);
        add(&self.bytes_out, bytes);
    }

    pub(crate) fn denied(&self) {
        add(&self.denials, 1);
    }

    pub(crate) fn dropped(&self) {
        add(&self.drops, 1);
    }

    fn read(&self) -> EndpointCounters {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EndpointCounters {
            connections: value(&self.connections),
            bytes_in: value(&self.bytes_in),
            bytes_out: value(&self.bytes_out),
            datagrams_in: value(&self.datagrams_in),
            datagrams_out: value(&self.datagrams_out),
            denials: value(&self.denials),
            drops: value(&self.drops),
        }
    }
}

fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// The tallies of a network.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<BTreeMap<EndpointKey, Arc<Tally>>>);

impl Tallies {
    /// The tally of an endpoint, new if it had none.
    pub(crate) fn of(&self, instance: &str, endpoint: &str, transport: Transport) -> Arc<Tally> {
        let key = EndpointKey { instance: instance.into(), endpoint: endpoint.into(), transport };
        lock(&self.0).entry(key).or_default().clone()
    }

    pub(crate) fn read(&self) -> BTreeMap<EndpointKey, EndpointCounters> {
        lock(&self.0).iter().map(|(key, tally)| (key.clone(), tally.read())).collect()
    }
}

impl Shared {
    /// Counts a denied operation with the endpoint of another instance that it was for.
    pub(crate) fn count_denial(
        &self,
        policy: &Policy,
        operation: Operation,
        target: SocketAddr,
        reason: &DenyReason,
    ) {
        let transport = match operation {
            Operation::Connect => Transport::Tcp,
            Operation::Send => Transport::Udp,
            _ => return,
        };
        let IpAddr::V4(address) = target.ip() else { return };
        let Some(instance) = policy.instance_at(address).and_then(|index| policy.instance_id(index)) else {
            return;
        };
        let endpoint = match reason {
            DenyReason::TrafficRule { endpoint, .. } => endpoint,
            _ => "",
        };
        self.tallies.of(instance, endpoint, transport).denied();
    }
}
