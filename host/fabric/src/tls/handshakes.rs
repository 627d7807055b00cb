//! Handshakes that are under way at one public port.
//!
//! A client may take [`HANDSHAKE_TIME`], and at most [`PLACES`] handshakes are made at the same time. When one more comes, the
//! oldest is ended: an honest client needs two round trips, so the oldest is most likely that of somebody who only wants to
//! keep a place.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use wasm_roles_virtual_network::OutsideStream;

use super::failure::HandshakeFailure;
use super::stream::EndedTls;

/// How long a handshake may take.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Handshakes that are made at the same time.
pub(crate) const PLACES: usize = 256;

/// A connection after its handshake, with its client.
pub(crate) type Shaken = Result<(OutsideStream, SocketAddr), HandshakeFailure>;

/// The handshakes of one port. Dropping it ends them.
pub(crate) struct Handshakes {
    /// It changes with the certificate. Handshakes that have begun go on as they are.
    acceptor: watch::Receiver<TlsAcceptor>,
    tasks: JoinSet<Shaken>,
    /// The oldest first.
    under_way: VecDeque<AbortHandle>,
}

impl Handshakes {
    pub(crate) fn new(acceptor: watch::Receiver<TlsAcceptor>) -> Self {
        Self { acceptor, tasks: JoinSet::new(), under_way: VecDeque::new() }
    }

    /// Begins the handshake of a new connection; true when the oldest one was ended for it.
    pub(crate) fn begin(&mut self, stream: TcpStream, client: SocketAddr) -> bool {
        self.under_way.retain(|handshake| !handshake.is_finished());
        let oldest = if self.under_way.len() >= PLACES { self.under_way.pop_front() } else { None };
        if let Some(oldest) = &oldest {
            oldest.abort();
        }
        let acceptor = self.acceptor.borrow().clone();
        let handshake = shake(acceptor, stream, client);
        self.under_way.push_back(self.tasks.spawn(handshake));
        oldest.is_some()
    }

    /// The next one that is over; waits for ever when none is under way.
    pub(crate) async fn next(&mut self) -> Shaken {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(shaken)) => return shaken,
                Some(Err(_)) => {} // it was ended for another one
                None => pending().await,
            }
        }
    }
}

async fn shake(acceptor: TlsAcceptor, stream: TcpStream, client: SocketAddr) -> Shaken {
    match timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Ok((OutsideStream::layered(EndedTls(stream), client), client)),
        Ok(Err(error)) => Err(HandshakeFailure::of(&error)),
        Err(_) => Err(HandshakeFailure::TimedOut),
    }
}
