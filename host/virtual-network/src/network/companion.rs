//! Programs beside an instance: the network as they see it.
//!
//! A start-up task has the rights of its instance to connect, send and look names up, and shares its address and
//! loopback, as processes of one machine do. But who connects to the instance means the role, not a task: outside of
//! loopback a companion has no ports of its own.
//!
//! | operation of a companion | answer |
//! |---|---|
//! | connect, send, look-up | as for the instance |
//! | bind, listen on loopback | as for the instance; a port belongs to whoever was first, and both reach it |
//! | bind to the own address or `0.0.0.0`, port 0 | allowed: a port that nobody of the instance uses and, if there is one, that its role does not declare |
//! | bind to them with a port, listen on them | [`DenyReason::Companion`] |
//! | a datagram of another instance arrives | only as an answer, whatever the policy opens |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::interface::{Interface, InterfaceCore};
use super::socket_table::{Party, Scope};
use crate::policy::{DenyReason, Operation, Transport};

impl Interface {
    /// An interface for programs beside the instance that holds this one: the same address and the same rights to go
    /// out, but nobody outside of the instance can reach it. Of the sockets that the instance may have it may have
    /// `sockets`; what the network buffers for it is the instance's memory.
    ///
    /// Dropping the last handle, [`detach`](Self::detach) and [`fail`](Self::fail) end its own sockets only. It
    /// ends with this interface's [`detach`](Self::detach), and does not keep this one attached.
    #[must_use]
    pub fn companion(&self, sockets: usize) -> Self {
        Self::new(Arc::new(self.core().beside(sockets)))
    }
}

impl InterfaceCore {
    pub(super) fn is_companion(&self) -> bool {
        self.party() != Party::OWN
    }

    /// What a companion may not do, whatever the policy says about its instance.
    pub(super) fn withheld(&self, operation: Operation, target: SocketAddr) -> Option<DenyReason> {
        let transport = match operation {
            Operation::Bind(_) if target.port() == 0 => return None,
            Operation::Bind(transport) => transport,
            Operation::Listen => Transport::Tcp,
            Operation::Connect | Operation::Send => return None,
        };
        let outside = match target.ip() {
            IpAddr::V4(ip) => ip.is_unspecified() || ip == self.address(),
            IpAddr::V6(_) => false,
        };
        (self.is_companion() && outside).then_some(DenyReason::Companion { transport, port: target.port() })
    }

    /// Ports that a companion does not take by chance when it binds to `address` with port 0: the role may want them.
    pub(super) fn shunned(&self, transport: Transport, address: IpAddr) -> impl Fn(u16) -> bool {
        let own = self.address();
        let reaches_out = Scope::covered_by(address).contains(&Scope::Own);
        let policy = (self.is_companion() && reaches_out).then(|| self.shared().policy());
        let subject = policy.as_ref().and_then(|policy| self.subject(policy));
        move |port| match (&policy, subject) {
            (Some(policy), Some(subject)) => policy
                .decide(subject, Operation::Bind(transport), SocketAddr::new(own.into(), port))
                .is_allowed(),
            _ => false,
        }
    }
}
