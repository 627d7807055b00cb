//! What an observer of the traffic sees.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

/// Sees every packet of a network. It is called in the task of the guest that sends, some of the time under locks of
/// the network, so it must not block, wake tasks or call the network.
pub trait Tap: Send + Sync + 'static {
    /// An instance got its address.
    fn attached(&self, _address: Ipv4Addr, _instance: &str) {}

    /// Something was sent. Packets of a connection come in the order of their sequence numbers.
    fn packet(&self, packet: Packet);
}

/// What was sent, as a packet on a wire would have shown it.
///
/// The network moves chunks and has no packets, so headers are made up from what happened; one packet may carry
/// more than any real one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it was sent.
    pub at: Instant,
    /// Where it passes.
    pub wire: Wire,
    /// Who sends it. Both addresses are of one family.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// What it is.
    pub content: Content,
    /// Something for people to read.
    pub comment: Option<Box<str>>,
}

/// Where a packet passes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wire {
    /// The deployment's network, and what comes from outside.
    Network,
    /// The loopbacks of the instance with this id. Each instance has its own, with the same addresses.
    Loopback(Arc<str>),
}

/// What a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A part of a connection.
    Tcp {
        /// Number of the first byte.
        sequence: u32,
        /// Number of the byte that is awaited from the other side.
        acknowledgment: u32,
        /// What it means.
        flags: TcpFlags,
        /// The bytes; any number.
        data: Bytes,
    },
    /// A datagram.
    Udp {
        /// The bytes.
        data: Bytes,
    },
    /// The answer of the network to what cannot be delivered. `from` is the address that could not be reached.
    Unreachable {
        /// Why.
        why: Unreachable,
        /// What could not be delivered: [`Content::Tcp`] or [`Content::Udp`].
        original: Box<Content>,
    },
}

/// Why something could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The policy denies it.
    Prohibited,
    /// No instance is attached there.
    Host,
    /// No socket is bound there.
    Port,
}

/// The flags of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(u8);

impl TcpFlags {
    /// The sender sends no more.
    pub const FIN: Self = Self(0x01);
    /// The connection begins.
    pub const SYN: Self = Self(0x02);
    /// The connection is aborted.
    pub const RST: Self = Self(0x04);
    /// The data is for the reader at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment means something.
    pub const ACK: Self = Self(0x10);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }
}
