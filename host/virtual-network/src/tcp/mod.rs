//! TCP between instances, in memory, and from outside, over handed-over streams.
//!
//! A guest must not notice which of the two it has, so both follow the rules below; where they had to choose,
//! Linux chose.
//!
//! | event | this side sees |
//! |---|---|
//! | peer ended its writing, or closed | what was sent, then end of stream |
//! | peer reset, closed with unread data, or its interface ended | what was sent, then `ConnectionReset`; writes fail at once |
//! | peer closed, and this side writes | the first write is taken, later ones fail with `ConnectionBroken` |
//! | own `shutdown_write`, then a write | `ConnectionBroken` |
//! | own `shutdown_read` | end of stream; what comes is thrown away |
//! | own `reset`, or the own interface ended | `ConnectionReset` at once, unread data is gone |
//!
//! A connect is established as soon as it has a place in the listener's backlog. While the backlog is full it
//! waits, in order; it is refused when the listener closes meanwhile, and times out after
//! [`CONNECT_TIMEOUT`]. A listener whose instance has no sockets left refuses.
//!
//! A connection from outside may have an [idle time-out](HandOverOptions::idle_timeout); both sides see a reset when it
//! is over.
//!
//! Each direction between instances holds up to [`CAPACITY`] bytes that nobody has read yet; when one interface has
//! 32 MiB of them in all of its connections, each of its directions holds 16 KiB until they are read. They are taken from the
//! [budget](crate::MemoryBudget) of the instance; when that is used up, each direction holds 4 KiB.
//!
//! Of a connection with the outside the operating system holds what it holds; the up to 64 KiB that it does not take at
//! once, and what a [`Layer`] was read ahead, are among the bytes of the interface. What waits when the guest closes
//! goes out for up to 30 seconds, and the connection counts as a socket as long.

mod account;
mod bound;
mod chunks;
mod connecting;
mod dial;
mod idle;
mod inside;
mod io;
mod listener;
mod memory;
mod outside;
mod pipe;
mod queue;
mod stream;
mod system;
mod transit;
mod travel;
mod watched;

pub(crate) use account::Account;
pub use account::CAPACITY;
pub use bound::BoundTcp;
pub(crate) use connecting::Attempt;
pub use connecting::{CONNECT_TIMEOUT, Connecting};
pub(crate) use dial::Dialed;
pub use dial::PUBLIC_WAIT;
pub use idle::HandOverOptions;
pub use inside::InsideConnection;
pub use listener::TcpListener;
pub(crate) use memory::{Pipes, Side};
pub use outside::{Layer, OutsideStream, WayBack};
pub(crate) use queue::ListenQueue;
pub(crate) use stream::Connection;
pub use stream::TcpStream;
