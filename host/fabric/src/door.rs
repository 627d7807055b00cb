//! Where the connections of a public port come in: accepted from the operating system, and through the handshake if TLS ends
//! here. Those of the deployment's own instances come in here only for the handshake; without one the [hairpin](crate::hairpin)
//! has them itself, and says here which of them found nobody.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use wasm_roles_virtual_network::{self as virtual_network, OutsideStream};

use crate::public_socket::Use;
use crate::tally::{self, Tally};
use crate::tls::{Below, HandshakeFailure, Handshakes, Shaken};

/// How often failed handshakes of one kind are told of at most: the internet is full of clients that do not mean it.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What comes in.
pub(crate) enum Arrival {
    /// A connection of a client.
    Connection(OutsideStream, IpAddr),
    /// So many handshakes have failed since this was last said of this kind.
    HandshakesFailed(HandshakeFailure, u64),
    /// A connection inside found nobody in its time, and was refused.
    GaveUp,
    /// The operating system gives no connection.
    Nobody(io::Error),
    /// Somebody else serves the port: no more connections come from the operating system. Told once.
    Displaced,
}

/// What a port listens with.
pub(crate) struct Entrance {
    pub(crate) listener: Use<TcpListener>,
    /// Connections inside that found nobody.
    pub(crate) gave_up: mpsc::Receiver<()>,
    pub(crate) tls: Option<TlsEntrance>,
}

/// What TLS ends with, and what comes from inside for it.
pub(crate) struct TlsEntrance {
    pub(crate) acceptor: watch::Receiver<TlsAcceptor>,
    pub(crate) inside: mpsc::Receiver<virtual_network::TcpStream>,
}

/// A listener, with what ends TLS.
pub(crate) struct Door {
    /// None when somebody else has it.
    listener: Option<Use<TcpListener>>,
    gave_up: mpsc::Receiver<()>,
    tls: Option<TlsSide>,
}

struct TlsSide {
    handshakes: Handshakes,
    inside: mpsc::Receiver<virtual_network::TcpStream>,
    failed: BTreeMap<HandshakeFailure, Tally>,
}

enum Next {
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    Displaced,
    Inside(virtual_network::TcpStream),
    GaveUp,
    Shaken(Shaken),
    Tell,
}

impl Door {
    pub(crate) fn new(entrance: Entrance) -> Self {
        let Entrance { listener, gave_up, tls } = entrance;
        let side = |TlsEntrance { acceptor, inside }| TlsSide {
            handshakes: Handshakes::new(acceptor),
            inside,
            failed: BTreeMap::new(),
        };
        Self { listener: Some(listener), gave_up, tls: tls.map(side) }
    }

    /// Whether nobody is in the middle of its handshake, or about to begin it.
    pub(crate) fn is_empty(&self) -> bool {
        self.tls
            .as_ref()
            .is_none_or(|tls| tls.handshakes.is_empty() && tls.inside.is_closed() && tls.inside.is_empty())
    }

    /// Waits until somebody else serves the port, and lets nobody in.
    pub(crate) async fn displaced(&mut self) -> Arrival {
        match &self.listener {
            Some(listener) => listener.displaced().await,
            None => pending().await,
        }
        self.listener = None;
        Arrival::Displaced
    }

    /// The next arrival. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Arrival {
        loop {
            let next = tokio::select! {
                accepted = accept(self.listener.as_ref()) => accepted.map_or(Next::Displaced, Next::Accepted),
                Some(()) = self.gave_up.recv() => Next::GaveUp,
                next = next_of(self.tls.as_mut()) => next,
            };
            match next {
                Next::Displaced => {
                    self.listener = None;
                    return Arrival::Displaced;
                }
                Next::Accepted(Err(error)) => return Arrival::Nobody(error),
                Next::Accepted(Ok((stream, client))) => {
                    // Small answers shall not wait for more; a failure here only costs time.
                    let _ = stream.set_nodelay(true);
                    match &mut self.tls {
                        None => return Arrival::Connection(stream.into(), client.ip()),
                        Some(tls) => tls.begin(stream, client),
                    }
                }
                Next::Inside(stream) => {
                    if let Some(tls) = &mut self.tls {
                        let client = stream.peer_address();
                        tls.begin(stream, client);
                    }
                }
                Next::GaveUp => return Arrival::GaveUp,
                Next::Shaken(Ok((stream, client))) => return Arrival::Connection(stream, client.ip()),
                Next::Shaken(Err(failure)) => {
                    if let Some(tls) = &mut self.tls {
                        tls.count(failure);
                    }
                }
                Next::Tell => {}
            }
            if let Some((failure, connections)) = self.tls.as_mut().and_then(TlsSide::take_due) {
                return Arrival::HandshakesFailed(failure, connections);
            }
        }
    }
}

async fn accept(listener: Option<&Use<TcpListener>>) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}

async fn next_of(tls: Option<&mut TlsSide>) -> Next {
    let Some(TlsSide { handshakes, inside, failed }) = tls else { return pending().await };
    tokio::select! {
        Some(stream) = inside.recv() => Next::Inside(stream),
        shaken = handshakes.next() => Next::Shaken(shaken),
        () = tally::due(failed.values()) => Next::Tell,
    }
}

impl TlsSide {
    fn begin(&mut self, stream: impl Below, client: SocketAddr) {
        if self.handshakes.begin(stream, client) {
            self.count(HandshakeFailure::PushedOut);
        }
    }

    fn count(&mut self, failure: HandshakeFailure) {
        self.failed.entry(failure).or_insert_with(|| Tally::every(TELL_EVERY)).count();
    }

    fn take_due(&mut self) -> Option<(HandshakeFailure, u64)> {
        let now = Instant::now();
        self.failed.iter_mut().find_map(|(failure, tally)| Some((*failure, tally.take_due(now)?)))
    }
}
