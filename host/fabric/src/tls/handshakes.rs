//! Handshakes that are under way at one public port.
//!
//! A client may take [`HANDSHAKE_TIME`], and at most [`PLACES`] handshakes are made at the same time. When one more comes, the
//! oldest of the address that has most of them is ended. So whoever takes many places pushes out only itself, and among
//! addresses with as many it is the oldest handshake that ends: an honest client needs two round trips, so that one is most likely of
//! somebody who only wants to keep a place. Of IPv6 addresses the first 64 bits count, which is what one client has.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use wasm_roles_virtual_network::OutsideStream;

use super::failure::HandshakeFailure;
use super::stream::{Below, EndedTls};

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
    under_way: VecDeque<UnderWay>,
}

struct UnderWay {
    client: IpAddr,
    task: AbortHandle,
}

impl Handshakes {
    pub(crate) fn new(acceptor: watch::Receiver<TlsAcceptor>) -> Self {
        Self { acceptor, tasks: JoinSet::new(), under_way: VecDeque::new() }
    }

    /// Begins the handshake of a new connection; true when another one was ended for it.
    pub(crate) fn begin(&mut self, stream: impl Below, client: SocketAddr) -> bool {
        self.under_way.retain(|handshake| !handshake.task.is_finished());
        let one_too_many = self.under_way.len() >= PLACES;
        let ended = one_too_many.then(|| self.one_too_many()).and_then(|place| self.under_way.remove(place));
        if let Some(ended) = &ended {
            ended.task.abort();
        }
        let acceptor = self.acceptor.borrow().clone();
        let task = self.tasks.spawn(shake(acceptor, stream, client));
        self.under_way.push_back(UnderWay { client: one_client(client.ip()), task });
        ended.is_some()
    }

    /// The place of the oldest handshake of the client that has most of them.
    fn one_too_many(&self) -> usize {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for handshake in &self.under_way {
            let count = counts.entry(handshake.client).or_default();
            *count = count.saturating_add(1);
        }
        let most = counts.values().max();
        self.under_way.iter().position(|handshake| counts.get(&handshake.client) == most).unwrap_or_default()
    }

    /// Whether none is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
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

/// What all addresses of one client have in common.
fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

async fn shake(acceptor: TlsAcceptor, stream: impl Below, client: SocketAddr) -> Shaken {
    match timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Ok((OutsideStream::layered(EndedTls(stream), client), client)),
        Ok(Err(error)) => Err(HandshakeFailure::of(&error)),
        Err(_) => Err(HandshakeFailure::TimedOut),
    }
}
