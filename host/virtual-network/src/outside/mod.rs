//! The world outside of the deployment: how connections, datagrams and look-ups get there that the policy lets out.
//!
//! The network asks one [`Outside`] for them, which is the operating system unless somebody gives it another one. Whether an
//! instance may go out is never its question: the [policy](crate::policy) has decided before.
//!
//! | what goes out | from where | bounds |
//! |---|---|---|
//! | a TCP connection | the host's address; to the guest the local address is the instance's own | counts as a socket of the instance; established in [`CONNECT_TIMEOUT`](crate::tcp::CONNECT_TIMEOUT) or `Timeout`; a host socket |
//! | datagrams of one UDP socket | one socket of the host, made by the first of them | counts as another socket of the instance; what the host cannot send at once is dropped; a host socket |
//! | datagrams to it | from addresses that the socket has sent to in the last [`ANSWER_TIME`](crate::udp::ANSWER_TIME), at most [`PEERS`] of them | the socket's queue |
//! | a look-up | the host's resolver | [`LOOK_UPS`] at a time for an instance, those included that wait for a turn; an answer within [`LOOK_UP_TIMEOUT`] |
//! | a turn in the resolver | | [`RESOLVERS_OF_INSTANCE`] for an instance, [`RESOLVERS_OF_NETWORK`] for a deployment, [`RESOLVERS`] for the process; in the order in which they were asked for |
//! | a host socket | | [`InterfaceLimits::host_sockets`](crate::InterfaceLimits::host_sockets) for an instance and [`host_sockets`] for the process, until the descriptor is closed; beyond that `TooManySockets` |
//!
//! A look-up that nobody waits for any more goes on in the resolver, which cannot be called back. It counts until it is
//! over. Since a deployment never has more than its turns before those of another one, names that nobody answers delay only
//! who asks for them: the others wait behind a bounded number of them.
//!
//! What a look-up has said is remembered for the instance that asked, [`KNOWN_ADDRESSES`] addresses at the most, for its time to
//! live within [`TIMES_TO_LIVE`]; each datagram that a rule with names lets out begins that time anew for those of its names that
//! the address is known by, so that a conversation is not cut off. [`RENEWED_FOR`] after the last look-up that ends: what was
//! true must be asked again some time. Rules with names admit these addresses and no others. So a name server that changes
//! its mind, or that lies, leads to public addresses only, on the ports of the rule.

mod host_sockets;
mod known;
mod system;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use host_sockets::{HostSocket, HostSockets};
pub use host_sockets::{HostSocketRefusal, host_sockets};
pub(crate) use known::KnownNames;
pub use system::SystemOutside;

use crate::NetError;
use crate::policy::HostName;

/// Addresses outside that a UDP socket can have answers from.
pub const PEERS: usize = 64;
/// Look-ups that all instances of the process can have in the host's resolver; further ones wait. Each occupies a thread.
pub const RESOLVERS: usize = 32;
/// How many of them the instances of one deployment can have, or wait for before others.
pub const RESOLVERS_OF_NETWORK: usize = 16;
/// How many of those one instance can have.
pub const RESOLVERS_OF_INSTANCE: usize = 8;
/// Look-ups outside that one instance can have under way, those included that nobody waits for any more.
pub const LOOK_UPS: usize = 64;
/// How long an instance waits for a look-up outside.
pub const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses outside that are remembered for an instance; the one whose time is over first makes room.
pub const KNOWN_ADDRESSES: usize = 1024;
/// How long an answer holds at least and at most, whatever it says itself.
pub const TIMES_TO_LIVE: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(3600);

/// How long datagrams keep an answer alive, from the last look-up of the name on.
pub const RENEWED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What comes when it comes.
pub type Soon<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// The way to the world outside.
pub trait Outside: Send + Sync + 'static {
    /// Opens a connection. The network limits its time.
    fn connect(&self, target: SocketAddr) -> Soon<tokio::net::TcpStream>;

    /// Makes a socket that can send to addresses of the family of `target`. The network makes it non-blocking.
    ///
    /// # Errors
    ///
    /// The operating system has none.
    fn bind_udp(&self, target: SocketAddr) -> io::Result<std::net::UdpSocket>;

    /// Looks a name up. The network filters the answer. It gives up on one that does not come in [`LOOK_UP_TIMEOUT`], but
    /// polls on: the look-up counts until it ends, so it must end.
    fn look_up(&self, name: HostName) -> Soon<NameAnswer>;
}

/// What a name server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAnswer {
    /// The addresses of the name.
    pub addresses: Vec<IpAddr>,
    /// How long it holds.
    pub time_to_live: Duration,
}

/// What the operating system says to a connect, in the network's words.
pub(crate) fn connect_error(error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => NetError::ConnectionRefused,
        io::ErrorKind::ConnectionReset => NetError::ConnectionReset,
        io::ErrorKind::ConnectionAborted => NetError::ConnectionAborted,
        io::ErrorKind::TimedOut => NetError::Timeout,
        _ => NetError::RemoteUnreachable,
    }
}
