//! The network of one deployment: who is attached, under which policy, and what was denied.

mod denial;
mod interface;
mod socket_table;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, Weak};

use denial::DenialLog;
pub use denial::{Denial, DeniedOperation, Observer};
pub(crate) use interface::InterfaceCore;
pub use interface::{Interface, InterfaceLimits};
pub(crate) use socket_table::{Scope, Socket, State};

use crate::AttachError;
use crate::policy::{InstanceIndex, Policy};
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
    connections: AtomicU64,
    handed_over: AtomicU64,
    datagrams: AtomicU64,
    dropped_datagrams: AtomicU64,
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
    /// Operations and look-ups that the policy denied, whether they were reported or not.
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
            connections: AtomicU64::new(0),
            handed_over: AtomicU64::new(0),
            datagrams: AtomicU64::new(0),
            dropped_datagrams: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Replaces the policy. It holds for every operation from now on; connections that are open stay open. An
    /// attached interface is known by its address and instance id, so a new policy may number the instances
    /// anew; one that it does not have any more may do nothing. Denials are reported afresh.
    pub fn set_policy(&self, policy: Arc<Policy>) {
        let before = std::mem::replace(&mut *write(&self.shared.policy), policy);
        self.shared.denials.forget();
        drop(before);
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
        let policy = self.policy();
        let (Some(address), Some(id)) = (policy.instance_address(instance), policy.instance_id(instance))
        else {
            return Err(AttachError::UnknownInstance);
        };
        let core = Arc::new(InterfaceCore::new(self.shared.clone(), instance, id, address, limits));
        let mut attached = write(&self.shared.attached);
        if attached.get(&address).is_some_and(|earlier| earlier.strong_count() > 0) {
            return Err(AttachError::AlreadyAttached);
        }
        attached.insert(address, Arc::downgrade(&core));
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
            denials: self.shared.denials.count(),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

impl Shared {
    fn policy(&self) -> Arc<Policy> {
        read(&self.policy).clone()
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
