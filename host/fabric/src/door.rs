//! Where the connections of a public port come in: accepted from the operating system, and through the handshake if TLS ends
//! here.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use wasm_roles_virtual_network::OutsideStream;

use crate::tally::{self, Tally};
use crate::tls::{HandshakeFailure, Handshakes, Shaken};

/// How often failed handshakes of one kind are told of at most: the internet is full of clients that do not mean it.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What comes in.
pub(crate) enum Arrival {
    /// A connection of a client.
    Connection(OutsideStream, IpAddr),
    /// So many handshakes have failed since this was last said of this kind.
    HandshakesFailed(HandshakeFailure, u64),
    /// The operating system gives no connection.
    Nobody(io::Error),
}

/// A listener, with what ends TLS.
pub(crate) struct Door {
    listener: TcpListener,
    tls: Option<TlsSide>,
}

struct TlsSide {
    handshakes: Handshakes,
    failed: BTreeMap<HandshakeFailure, Tally>,
}

enum Next {
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    Shaken(Shaken),
    Tell,
}

impl Door {
    pub(crate) fn new(listener: TcpListener, tls: Option<watch::Receiver<TlsAcceptor>>) -> Self {
        let side = |acceptor| TlsSide { handshakes: Handshakes::new(acceptor), failed: BTreeMap::new() };
        Self { listener, tls: tls.map(side) }
    }

    /// The next arrival. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Arrival {
        loop {
            let next = tokio::select! {
                accepted = self.listener.accept() => Next::Accepted(accepted),
                next = next_of(self.tls.as_mut()) => next,
            };
            match next {
                Next::Accepted(Err(error)) => return Arrival::Nobody(error),
                Next::Accepted(Ok((stream, client))) => {
                    // Small answers shall not wait for more; a failure here only costs time.
                    let _ = stream.set_nodelay(true);
                    match &mut self.tls {
                        None => return Arrival::Connection(stream.into(), client.ip()),
                        Some(tls) => tls.begin(stream, client),
                    }
                }
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

async fn next_of(tls: Option<&mut TlsSide>) -> Next {
    let Some(TlsSide { handshakes, failed }) = tls else { return pending().await };
    tokio::select! {
        shaken = handshakes.next() => Next::Shaken(shaken),
        () = tally::due(failed.values()) => Next::Tell,
    }
}

impl TlsSide {
    fn begin(&mut self, stream: TcpStream, client: SocketAddr) {
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
