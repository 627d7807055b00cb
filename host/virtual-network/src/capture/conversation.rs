//! One connection as a tap sees it: the made-up handshake, sequence numbers, and the end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::time::Instant;

use super::tap::{Content, Packet, Tap, TcpFlags, Unreachable, Wire};
use crate::sync::lock;
use crate::tcp::Side;

const SYN_ACK: TcpFlags = TcpFlags::SYN.and(TcpFlags::ACK);
const FIN_ACK: TcpFlags = TcpFlags::FIN.and(TcpFlags::ACK);
const RST_ACK: TcpFlags = TcpFlags::RST.and(TcpFlags::ACK);
const PSH_ACK: TcpFlags = TcpFlags::PSH.and(TcpFlags::ACK);

/// A connection that is tapped.
pub(crate) struct Conversation {
    tap: Arc<dyn Tap>,
    wire: Wire,
    client: SocketAddr,
    server: SocketAddr,
    comment: Box<str>,
    next: Mutex<Next>,
}

/// The number of the next byte of each side.
#[derive(Clone, Copy, Debug)]
struct Next {
    client: u32,
    server: u32,
    /// Before the handshake and after a reset nothing is said.
    silent: bool,
}

impl Next {
    fn of(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Conversation {
    /// The `number`-th connection of the network. Different numbers begin with different sequence numbers, so that ports
    /// that are used again are told apart.
    pub(crate) fn new(
        tap: Arc<dyn Tap>,
        number: u32,
        wire: Wire,
        client: SocketAddr,
        server: SocketAddr,
        comment: String,
    ) -> Self {
        let start = number.wrapping_mul(0x9e37_79b1);
        let next = Next { client: start, server: start.wrapping_add(0x4000_0000), silent: true };
        Self { tap, wire, client, server, comment: comment.into(), next: Mutex::new(next) }
    }

    /// The connection is established.
    pub(crate) fn opened(&self) {
        let mut next = lock(&self.next);
        self.syn(&mut next);
        self.flags(&mut next, Side::Server, SYN_ACK);
        self.flags(&mut next, Side::Client, TcpFlags::ACK);
    }

    /// Nobody takes it.
    pub(crate) fn refused(&self) {
        let mut next = lock(&self.next);
        self.syn(&mut next);
        next.server = 0;
        self.flags(&mut next, Side::Server, RST_ACK);
        next.silent = true;
    }

    /// Nobody answers.
    pub(crate) fn unanswered(&self) {
        let mut next = lock(&self.next);
        self.syn(&mut next);
        next.silent = true;
    }

    /// The network answers that it cannot be.
    pub(crate) fn unreachable(&self, why: Unreachable, comment: String) {
        let mut next = lock(&self.next);
        let original = Box::new(self.tcp(&mut next, Side::Client, TcpFlags::SYN, Bytes::new()));
        self.send(Side::Client, (*original).clone(), Some(self.comment.clone()));
        self.send(Side::Server, Content::Unreachable { why, original }, Some(comment.into()));
        next.silent = true;
    }

    /// `side` sends `data`, and the other side acknowledges it.
    pub(crate) fn data(&self, side: Side, data: Bytes) {
        let mut next = lock(&self.next);
        if next.silent || data.is_empty() {
            return;
        }
        let content = self.tcp(&mut next, side, PSH_ACK, data);
        self.send(side, content, None);
        self.flags(&mut next, side.other(), TcpFlags::ACK);
    }

    /// `side` sends no more.
    pub(crate) fn finished(&self, side: Side) {
        let mut next = lock(&self.next);
        self.flags(&mut next, side, FIN_ACK);
        self.flags(&mut next, side.other(), TcpFlags::ACK);
    }

    /// `side` aborts.
    pub(crate) fn reset(&self, side: Side) {
        let mut next = lock(&self.next);
        self.flags(&mut next, side, RST_ACK);
        next.silent = true;
    }

    fn syn(&self, next: &mut Next) {
        next.silent = false;
        let content = self.tcp(next, Side::Client, TcpFlags::SYN, Bytes::new());
        self.send(Side::Client, content, Some(self.comment.clone()));
    }

    fn flags(&self, next: &mut Next, side: Side, flags: TcpFlags) {
        if !next.silent {
            let content = self.tcp(next, side, flags, Bytes::new());
            self.send(side, content, None);
        }
    }

    fn tcp(&self, next: &mut Next, side: Side, flags: TcpFlags, data: Bytes) -> Content {
        let acknowledgment = if flags.has(TcpFlags::ACK) { *next.of(side.other()) } else { 0 };
        let sequence = *next.of(side);
        let takes_one = u32::from(flags.has(TcpFlags::SYN) || flags.has(TcpFlags::FIN));
        // Sequence numbers go round; a chunk is far shorter than that.
        let length = u32::try_from(data.len()).unwrap_or(0).wrapping_add(takes_one);
        *next.of(side) = sequence.wrapping_add(length);
        Content::Tcp { sequence, acknowledgment, flags, data }
    }

    fn send(&self, side: Side, content: Content, comment: Option<Box<str>>) {
        let (from, to) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        self.tap.packet(Packet { at: Instant::now(), wire: self.wire.clone(), from, to, content, comment });
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("client", &self.client)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
