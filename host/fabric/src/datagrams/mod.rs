//! Public UDP: datagrams of clients to the instances that are available, and their answers.
//!
//! Each public port is one socket of the operating system. All datagrams from one address and port of a client are a *flow*,
//! which has one instance: the one whose turn it is when the flow begins, or the client's own with
//! `loadBalancerDistribution`. The instance sees the client's address, and what it sends there from the same port goes
//! back through the public socket. It can send to no other client.
//!
//! | event | what becomes of a flow |
//! |---|---|
//! | no datagram in either direction for its time-out | it ends. The time is `idleTimeoutInMinutes`, or [`IDLE_TIMEOUT`] |
//! | its instance leaves the rotation, fails the port's probe, or ends | it ends; the client's next datagram begins one with another instance |
//! | its instance has no socket at the port any more | the datagram goes to another instance, and the flow with it |
//! | the port's socket is [exchanged](crate::swap) for another deployment's | it ends; the client's next datagram begins one there |
//! | there are [`FLOWS`] flows at the port and one more begins | the one that has been silent for the longest time ends |
//!
//! That is how the platform's balancer treats UDP, which has no connections that a client could notice the end of. Nothing
//! waits: a datagram that no instance takes, or whose queue is full, is lost, as any datagram may be. Losses are counted
//! and told of now and then ([`DatagramLoss`]).
//!
//! The deployment's own instances are clients of the same ports, with flows of their own and without the operating system:
//! their datagrams go from queue to queue in memory.

mod balancer;
mod exchange;
mod flows;
mod inside;
mod losses;

pub(crate) use balancer::DatagramBalancer;
pub(crate) use exchange::FlowTaker;
#[cfg(test)]
pub(crate) use exchange::Source;
#[cfg(test)]
pub(crate) use flows::Activity;
pub use flows::FLOWS;
pub(crate) use inside::InsidePort;

use std::time::Duration;

/// The idle time-out of a flow whose endpoint does not say. The schema has no default (facts: section 2.4); this is what the
/// platform's balancer gave to TCP.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4 * 60);

/// Why a datagram at a public port was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramLoss {
    /// No instance is available and bound to the port.
    #[error("no instance could take them")]
    NobodyTakes,
    /// The instance did not read fast enough.
    #[error("the queue of the instance was full")]
    QueueFull,
    /// Instances have IPv4 addresses, and so must their clients.
    #[error("the client has an IPv6 address")]
    NotIpv4,
    /// The operating system did not take the answer of an instance.
    #[error("the answer could not be sent")]
    AnswerNotSent,
}
