//! Faults of the network, for tests of services that must live with them.
//!
//! A [`Fault`] has two parties (instances, roles, anyone), one or both directions, and an [`Effect`]. Faults are set
//! and lifted while the network runs, and hold for connections that are open too. Where several concern the same
//! traffic, their effects add up.
//!
//! What is under way when a fault is set still arrives. What a partition holds back arrives when it is lifted, with
//! the delays that hold then. A direction of a connection buffers no more than it does without faults, what is under
//! way included, so a writer waits when the way is long.
//!
//! A connection through the [public side](crate::network::PublicPorts) is made by the load balancer, which no fault concerns: faults
//! of connects do not hold there. What then goes through it is disturbed as between any two instances.
//!
//! # Chance
//!
//! All draws come from one [seed](Faults::reseed). Each direction between two instances has a generator of its own, so that
//! what happens on one does not depend on what happens elsewhere at the same time.
//!
//! # Cost
//!
//! Without a fault, each write to a stream, each datagram, each connect and each look-up loads one atomic. What an
//! instance does with itself does not even do that.

mod fault;
mod link;
mod wait;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fault::Conditions;
pub(crate) use fault::Who;
pub use fault::{Chance, Effect, Fault, Whom};
use link::Link;
pub(crate) use link::{ConnectPassage, Passage};
use tokio::time::Instant;
pub(crate) use wait::Wait;
use wait::WaitingRoom;

use crate::NetError;
use crate::network::Shared;
use crate::sync::lock;

/// What a reordered datagram is late by.
pub const REORDERED_BY: Duration = Duration::from_millis(20);

/// The longest single delay; longer ones are cut.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);

/// Pairs of instances that are remembered; beyond, those without traffic under way are forgotten.
const LINKS: usize = 64 * 1024;

/// The faults of a network. A clone is another handle to the same faults.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

/// The name of a fault that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

impl Faults {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Draws from this seed from now on. Without it the seed is 0.
    pub fn reseed(&self, seed: u64) {
        let mut state = lock(&self.shared.faults.state);
        state.seed = seed;
        state.links.clear();
    }

    /// Sets a fault. It holds at once.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut state = lock(&self.shared.faults.state);
        let id = FaultId(state.next_id);
        state.next_id = state.next_id.wrapping_add(1);
        state.faults.insert(id, fault);
        drop(state);
        self.shared.faults.changed();
        id
    }

    /// Lifts a fault; false when it was lifted before.
    pub fn lift(&self, id: FaultId) -> bool {
        let lifted = lock(&self.shared.faults.state).faults.remove(&id);
        if lifted.is_some() {
            self.shared.faults.changed();
        }
        lifted.is_some()
    }

    /// Lifts all faults.
    pub fn lift_all(&self) {
        lock(&self.shared.faults.state).faults.clear();
        self.shared.faults.changed();
    }

    /// Faults that hold.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared.faults.state).faults.len()
    }

    /// Resets every connection that is open between an instance of one party and one of the other, whoever opened it;
    /// both sides see a reset. Says how many there were.
    pub fn reset_connections(&self, one: &Whom, other: &Whom) -> usize {
        let fault = Fault::between(one.clone(), other.clone(), Effect::Reset(Chance::ALWAYS));
        self.shared.reset_connections(|from, to| {
            let conditions =
                self.shared.between(from, to, |from, to| Conditions::of([&fault].into_iter(), from, to));
            conditions.is_some_and(|conditions| conditions.reset == Chance::ALWAYS)
        })
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(lock(&self.shared.faults.state).faults.values()).finish()
    }
}

/// The faults that hold, and what they do to each pair of instances.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    /// Whether there is any fault: what the way without faults looks at.
    active: AtomicBool,
    /// Counts the changes.
    generation: AtomicU64,
    state: Mutex<BookState>,
    waiting: WaitingRoom,
}

#[derive(Debug, Default)]
struct BookState {
    seed: u64,
    next_id: u64,
    faults: BTreeMap<FaultId, Fault>,
    links: BTreeMap<(Ipv4Addr, Ipv4Addr), Link>,
}

impl FaultBook {
    /// Whether anything may be disturbed.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// The faults changed, or the policy that says who is who: everybody who waits looks again.
    pub(crate) fn changed(&self) {
        {
            // Under the lock, so that of two changes the later one says whether there is a fault.
            let state = lock(&self.state);
            self.active.store(!state.faults.is_empty(), Ordering::SeqCst);
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.waiting.call();
    }
}

impl Shared {
    /// Asks the link from one instance to another under the faults of now.
    fn link<R>(&self, from: Ipv4Addr, to: Ipv4Addr, ask: impl FnOnce(&mut Link) -> R) -> R {
        let generation = self.faults.generation();
        let mut state = lock(&self.faults.state);
        let BookState { seed, faults, links, .. } = &mut *state;
        if links.len() >= LINKS && !links.contains_key(&(from, to)) {
            let now = Instant::now();
            links.retain(|_, link| !link.is_idle(now));
        }
        let link = links.entry((from, to)).or_insert_with(|| Link::new(*seed, from, to));
        if link.generation != generation {
            let conditions = self.between(from, to, |from, to| Conditions::of(faults.values(), from, to));
            link.conditions = conditions.unwrap_or_default();
            link.generation = generation;
        }
        ask(link)
    }

    /// When bytes of a connection arrive, or its end.
    pub(crate) fn stream_passage(&self, from: Ipv4Addr, to: Ipv4Addr, bytes: usize) -> Passage {
        let now = Instant::now();
        self.link(from, to, |link| link.stream(bytes, now))
    }

    /// Whether a write resets its connection.
    pub(crate) fn write_resets(&self, from: Ipv4Addr, to: Ipv4Addr) -> bool {
        self.link(from, to, Link::resets)
    }

    /// When a datagram arrives, and when again.
    pub(crate) fn datagram_passage(
        &self,
        from: Ipv4Addr,
        to: Ipv4Addr,
        bytes: usize,
    ) -> [Option<Instant>; 2] {
        let now = Instant::now();
        self.link(from, to, |link| link.datagram(bytes, now))
    }

    /// What a connect meets on its way there and back.
    pub(crate) fn connect_passage(&self, from: Ipv4Addr, to: Ipv4Addr) -> ConnectPassage {
        let (conditions, there) =
            self.link(from, to, |link| (link.conditions, link.stream(0, Instant::now())));
        let back = self.link(to, from, |link| if link.conditions.cut { None } else { Some(link.delay()) });
        match (there, back) {
            _ if conditions.refuse => ConnectPassage::Refused,
            (Passage::At(there), Some(back)) if !conditions.swallow => {
                ConnectPassage::Travels(Passage::At(there.checked_add(back.min(FAR_AWAY)).unwrap_or(there)))
            }
            _ => ConnectPassage::Travels(Passage::Held),
        }
    }

    /// Takes out of the answer to `asker` what it cannot resolve; fails when nothing is left.
    pub(crate) fn withhold_names(&self, asker: Ipv4Addr, answer: &mut Vec<Ipv4Addr>) -> Result<(), NetError> {
        if !self.faults.is_active() {
            return Ok(());
        }
        answer.retain(|to| asker == *to || !self.link(asker, *to, |link| link.conditions.fail_names));
        if answer.is_empty() { Err(NetError::NameFailure) } else { Ok(()) }
    }

    /// Asks about two instances; `None` when the policy does not have them.
    fn between<R>(&self, from: Ipv4Addr, to: Ipv4Addr, ask: impl FnOnce(Who<'_>, Who<'_>) -> R) -> Option<R> {
        let policy = self.policy();
        let who = |address| {
            let index = policy.instance_at(address)?;
            let role = policy.role_name(policy.instance_role(index)?)?;
            Some(Who { instance: policy.instance_id(index)?, role })
        };
        Some(ask(who(from)?, who(to)?))
    }
}
