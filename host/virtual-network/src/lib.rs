//! A private network inside the process, for sandboxed instances that must not hold sockets of the operating
//! system.
//!
//! # What it is
//!
//! A [`Network`] connects the instances of one deployment. Each incarnation of an instance gets one
//! [`Interface`] with the instance's address and loopbacks of its own. Between instances a TCP connection is
//! a pair of queues in memory, and a UDP datagram goes from one queue to another; a connection from outside is a stream of the operating system that somebody
//! accepted and [handed over](Interface::hand_over). To the instance both are a [`TcpStream`].
//!
//! # Who may do what
//!
//! [`Policy::decide`] and [`Policy::resolve`] answer, and nothing else does. Every bind, listen, connect, send
//! and name look-up asks them; what was asked for by an admitted datagram may be [answered](udp). The policy can be replaced while the network runs; connections that are open stay
//! open. See [`policy`] for the rules. What it lets out of the deployment goes through one [`Outside`], see [`outside`];
//! what goes to the deployment's own public ports, through [`PublicPorts`].
//!
//! # What guests can do to it
//!
//! Everything that arrives from a guest is taken as hostile. An interface has a bounded number of sockets,
//! each connection and each UDP socket buffers a bounded number of bytes, a listener queues a bounded number of connections, and
//! the log of denials remembers a bounded number of targets for each instance. What a guest can block is
//! itself.
//!
//! What the network queues for an instance is charged to its [`MemoryBudget`], which its linear memory may share. When
//! that is used up, senders wait. Not charged are the buffers of the operating system, what a [`Layer`] keeps inside, and the
//! room of one datagram or chunk while it is copied.
//!
//! Sockets of the host, to the world outside, are few for each instance and for the process, and so are look-ups in the
//! host's resolver, see [`outside`]. A connection that the guest has closed counts until its last bytes are out.
//!
//! # Seeing and disturbing it
//!
//! [`Network::endpoint_counters`] says what each endpoint has done, a [`Tap`] sees every packet, and a [`CaptureFile`] is a
//! tap that writes them for Wireshark, see [`capture`]. [`Network::faults`] disturbs the traffic between instances, see
//! [`faults`]. What is not used costs next to nothing.
//!
//! # Rules for callers
//!
//! Operations never block. Each direction of a stream, each listener and each UDP socket remember one waiting task, the last
//! one that polled. Wakers run outside of all locks. Time is tokio's.

mod budget;
pub mod capture;
mod counters;
mod course;
mod error;
pub mod faults;
pub mod network;
pub mod outside;
pub mod policy;
mod sync;
pub mod tcp;
pub mod udp;

pub use budget::MemoryBudget;
pub use capture::{CaptureFile, Packet, Tap};
pub use counters::{EndpointCounters, EndpointKey};
pub use error::{AttachError, FlowError, HandOver, NetError, Undelivered};
pub use faults::{Chance, Effect, Fault, FaultId, Faults, Whom};
pub use network::{
    Counters, Denial, DeniedOperation, Interface, InterfaceLimits, LookUp, Network, NoAddress, Observer,
    Offered, Passed, PublicPorts,
};
pub use outside::{NameAnswer, Outside, SystemOutside};
pub use policy::{
    AddressRange, Admission, Audience, DenyReason, EndpointGrant, HostName, HostPattern, HostRules,
    InstanceIndex, Operation, Origin, OutboundRule, OutboundRuleError, OutboundTarget, Policy, PolicyBuilder,
    PolicyError, PolicyMode, PortRange, PublicSide, Resolved, RoleIndex, Transport, Transports, Verdict,
};
pub use tcp::{
    BoundTcp, Connecting, HandOverOptions, InsideConnection, Layer, OutsideStream, TcpListener, TcpStream,
    WayBack,
};
pub use udp::{AnswerSink, Datagram, InsideClient, OutsideFlow, UdpSocket};
