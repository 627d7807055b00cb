//! UDP between instances, in memory, and with outside addresses, over flows that somebody opened.
//!
//! A send never waits: a datagram arrives at once, whole, or it is lost. Where the rules had to choose, Linux
//! chose.
//!
//! | a datagram for | is |
//! |---|---|
//! | a socket with room in its queue | received, in the order of the sends |
//! | a socket whose queue is full | lost, and counted |
//! | a port without a socket, or whose socket is connected to another peer | lost; a connected sender hears `ConnectionRefused` |
//! | an instance that is not attached | lost; a connected sender hears `RemoteUnreachable` |
//!
//! What a connected sender hears, its next send or receive says, once. A socket that is not connected hears
//! nothing.
//!
//! # Who may send to whom
//!
//! Every send asks [`Policy::decide`](crate::Policy::decide), and so does a connect. Since datagrams have no
//! connections, there is one more way to be admitted, as with a firewall that keeps state: an *answer*. A socket
//! may send to
//!
//! * the socket of an instance that is connected to it, or has sent to it with the policy's consent within the
//!   last [`ANSWER_TIME`]. Each answer renews the time. A socket remembers the last [`ASKED`] addresses it has
//!   sent to.
//! * an outside address as long as an [`OutsideFlow`] between the two is open.
//!
//! What is sent to the deployment's own public side goes to whom the balancer chooses, see [`InsideClient`], and is answered
//! over a flow too.
//!
//! # Memory
//!
//! The queue of a socket holds [`RECEIVE_BUFFER`] bytes, each datagram with [`OVERHEAD`]. When all queues of one
//! interface hold 32 MiB, each takes up to 16 KiB more, and nothing beyond.

mod account;
mod answers;
mod in_flight;
mod inbox;
mod inside;
mod outside;
mod passage;
mod shown;
mod socket;
mod way_out;

pub(crate) use account::Account;
pub use account::{OVERHEAD, RECEIVE_BUFFER};
pub use answers::{ANSWER_TIME, ASKED};
pub use inbox::Datagram;
pub(crate) use inbox::Inbox;
pub use inside::InsideClient;
pub(crate) use outside::FlowTable;
pub use outside::{AnswerSink, OutsideFlow};
pub use socket::UdpSocket;

/// The most bytes that a datagram carries: what UDP over IPv4 has room for. It holds for IPv6 too, so that
/// a service does not depend on the family.
pub const LARGEST_DATAGRAM: usize = 65_507;
