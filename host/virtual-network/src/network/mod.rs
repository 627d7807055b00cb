//! The network of one deployment: who is attached, under which policy, and what was denied.

mod ask;
mod companion;
mod denial;
mod interface;
mod look_up;
mod passed;
mod public_ports;
mod socket_table;
mod watching;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock, Weak};

use tokio::sync::Semaphore;

pub(crate) use ask::{Permit, Way};
use denial::DenialLog;
pub use denial::{Denial, DeniedOperation, Observer};
pub(crate) use interface::InterfaceCore;
pub use interface::{Interface, InterfaceLimits};
pub use look_up::{LookUp, NoAddress};
pub use passed::Passed;
use passed::PassedLog;
pub use public_ports::{Offered, PublicPorts};
pub(crate) use socket_table::{Party, Scope, Socket, State};

use crate::AttachError;
use crate::capture::Tap;
use crate::counters::Tallies;
use crate::faults::FaultBook;
use crate::outside::{Outside, RESOLVERS_OF_NETWORK, SystemOutside};
use crate::policy::{HostRules, InstanceIndex, Policy};
use crate::sync::{read, write};

/// The private network of one deployment. A clone is another handle to the same network.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

/// What all interfaces of a network share.
pub(crate) struct Shared {
    policy: RwLock<Arc<Policy>>,
    observer: Arc<dyn Observer>,
    /// Weak, so that an interface goes with its last handle.
    attached: RwLock<BTreeMap<Ipv4Addr, Weak<InterfaceCore>>>,
    denials: DenialLog,
    passed: PassedLog,
    /// What the host grants, on top of every policy.
    host_rules: RwLock<HostRules>,
    outside: RwLock<Arc<dyn Outside>>,
    /// The places of the deployment in the host's resolver.
    resolvers: Semaphore,
    /// Weak, because who serves the ports holds interfaces.
    public_ports: RwLock<Option<Weak<dyn PublicPorts>>>,
    outbound: AtomicU64,
    connections: AtomicU64,
    handed_over: AtomicU64,
    datagrams: AtomicU64,
    dropped_datagrams: AtomicU64,
    pub(crate) tallies: Tallies,
    pub(crate) faults: FaultBook,
    tap: OnceLock<Arc<dyn Tap>>,
    /// Connections that were tapped.
    conversations: AtomicU32,
}

/// What a network has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// TCP connections between instances, or of an instance with itself, that were established.
    pub connections: u64,
    /// Connections from outside that a listener took.
    pub handed_over: u64,
    /// UDP datagrams that reached the queue of a socket, from instances and from outside.
    pub datagrams: u64,
    /// UDP datagrams that found the queue of their socket full.
    pub dropped_datagrams: u64,
    /// TCP connections to the world outside that were established.
    pub outbound: u64,
    /// Operations and look-ups that the policy denied, whether they were reported or not. Those that log mode let pass are
    /// among them.
    pub denials: u64,
}

impl Network {
    /// A network on which nobody is attached yet. `observer` hears of denials.
    #[must_use]
    pub fn new(policy: Arc<Policy>, observer: Arc<dyn Observer>) -> Self {
        let shared = Shared {
            policy: RwLock::new(policy),
            observer,
            attached: RwLock::default(),
            denials: DenialLog::default(),
            passed: PassedLog::default(),
            host_rules: RwLock::default(),
            outside: RwLock::new(Arc::new(SystemOutside)),
            resolvers: Semaphore::new(RESOLVERS_OF_NETWORK),
            public_ports: RwLock::default(),
            outbound: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            handed_over: AtomicU64::new(0),
            datagrams: AtomicU64::new(0),
            dropped_datagrams: AtomicU64::new(0),
            tallies: Tallies::default(),
            faults: FaultBook::default(),
            tap: OnceLock::new(),
            conversations: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Replaces the policy. It holds for every operation from now on; connections that are open stay open. An
    /// attached interface is known by its address and instance id, so a new policy may number the instances
    /// anew; one that it does not have any more may do nothing. Denials are reported afresh.
    pub fn set_policy(&self, policy: Arc<Policy>) {
        let rules = read(&self.shared.host_rules);
        let policy = if rules.is_default() { policy } else { Arc::new(with_host_rules(policy, &rules)) };
        let before = std::mem::replace(&mut *write(&self.shared.policy), policy);
        self.shared.denials.forget();
        // Wakers run outside of all locks.
        drop(rules);
        self.shared.faults.changed();
        drop(before);
    }

    /// Sets what the host grants beside the policy, on top of this one and of each that comes. Before it is called the world
    /// outside is closed, and the policy is enforced.
    pub fn set_host_rules(&self, rules: HostRules) {
        let mut held = write(&self.shared.host_rules);
        let policy = with_host_rules(self.shared.policy(), &rules);
        *held = rules;
        let before = std::mem::replace(&mut *write(&self.shared.policy), Arc::new(policy));
        self.shared.denials.forget();
        drop(held);
        drop(before);
    }

    /// Sets the way to the world outside. Before it is called that is the operating system.
    pub fn set_outside(&self, outside: Arc<dyn Outside>) {
        let before = std::mem::replace(&mut *write(&self.shared.outside), outside);
        drop(before);
    }

    /// Sets who serves the public ports for instances of the deployment. Before it is called, and once it is gone, nobody
    /// does: connections and datagrams are refused.
    pub fn set_public_ports(&self, ports: Weak<dyn PublicPorts>) {
        let before = write(&self.shared.public_ports).replace(ports);
        drop(before);
    }

    /// What log mode has let pass so far, once for each role and reason.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        self.shared.passed.all()
    }

    /// The policy that holds now.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.shared.policy()
    }

    /// Attaches one incarnation of an instance, with [`InterfaceLimits::default`].
    ///
    /// # Errors
    ///
    /// [`AttachError`]: the policy does not have the instance, or an earlier incarnation is still attached.
    pub fn attach(&self, instance: InstanceIndex) -> Result<Interface, AttachError> {
        self.attach_with(instance, InterfaceLimits::default())
    }

    /// Attaches one incarnation of the instance at `address`. An address stays right when the policy is replaced by one
    /// that numbers the instances anew.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_at(&self, address: Ipv4Addr) -> Result<Interface, AttachError> {
        self.attach_at_with(address, InterfaceLimits::default())
    }

    /// As [`attach_at`](Self::attach_at), with limits.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_at_with(
        &self,
        address: Ipv4Addr,
        limits: InterfaceLimits,
    ) -> Result<Interface, AttachError> {
        let policy = self.policy();
        let instance = policy.instance_at(address).ok_or(AttachError::UnknownInstance)?;
        self.attach_in(&policy, instance, limits)
    }

    /// Attaches one incarnation of an instance.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_with(
        &self,
        instance: InstanceIndex,
        limits: InterfaceLimits,
    ) -> Result<Interface, AttachError> {
        self.attach_in(&self.policy(), instance, limits)
    }

    fn attach_in(
        &self,
        policy: &Policy,
        instance: InstanceIndex,
        limits: InterfaceLimits,
    ) -> Result<Interface, AttachError> {
        let (Some(address), Some(id)) = (policy.instance_address(instance), policy.instance_id(instance))
        else {
            return Err(AttachError::UnknownInstance);
        };
        let core = Arc::new(InterfaceCore::new(self.shared.clone(), id, address, limits));
        let mut attached = write(&self.shared.attached);
        if attached.get(&address).is_some_and(|earlier| earlier.strong_count() > 0) {
            return Err(AttachError::AlreadyAttached);
        }
        attached.insert(address, Arc::downgrade(&core));
        if let Some(tap) = self.shared.tap() {
            tap.attached(address, id);
        }
        Ok(Interface::new(core))
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            connections: self.shared.connections.load(Ordering::Relaxed),
            handed_over: self.shared.handed_over.load(Ordering::Relaxed),
            datagrams: self.shared.datagrams.load(Ordering::Relaxed),
            dropped_datagrams: self.shared.dropped_datagrams.load(Ordering::Relaxed),
            outbound: self.shared.outbound.load(Ordering::Relaxed),
            denials: self.shared.denials.count(),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

/// `policy` with what the host grants.
fn with_host_rules(policy: Arc<Policy>, rules: &HostRules) -> Policy {
    Arc::unwrap_or_clone(policy).with_host_rules(rules)
}

impl Shared {
    pub(crate) fn policy(&self) -> Arc<Policy> {
        read(&self.policy).clone()
    }

    pub(crate) fn outside(&self) -> Arc<dyn Outside> {
        read(&self.outside).clone()
    }

    pub(crate) fn public_ports(&self) -> Option<Arc<dyn PublicPorts>> {
        read(&self.public_ports).as_ref()?.upgrade()
    }

    pub(crate) fn count_outbound(&self) {
        self.outbound.fetch_add(1, Ordering::Relaxed);
    }

    fn at(&self, address: Ipv4Addr) -> Option<Arc<InterfaceCore>> {
        read(&self.attached).get(&address)?.upgrade()
    }

    /// Takes `core` off its address, unless a later incarnation has it already.
    fn remove(&self, core: &InterfaceCore) {
        let mut attached = write(&self.attached);
        if attached.get(&core.address()).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), core)) {
            attached.remove(&core.address());
        }
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_datagram(&self) {
        self.datagrams.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_dropped_datagram(&self) {
        self.dropped_datagrams.fetch_add(1, Ordering::Relaxed);
    }

    fn count_hand_over(&self) {
        self.handed_over.fetch_add(1, Ordering::Relaxed);
    }
}
