//! The load balancer: public connections to the instances that are available, in turn or by affinity.
//!
//! Each public port has an accept loop. An accepted connection is not relayed: the operating system's stream itself goes to the
//! listener of an instance in the virtual network. An instance that does not listen (yet), or whose backlog is full, is
//! passed over. A connection that nobody takes [waits](crate::waiting); when its time is over it is reset, counted, and
//! told of now and then.
//!
//! Who is available is said by the rotation: the instances that are Ready, or all that run. A port with a probe asks
//! those that run and answer it. The default is round robin, as the platform's emulator did it; with `sourceIP` and
//! `sourceIPProtocol` a client stays with one instance as long as that one is available.
//!
//! The rotation is read-locked while a connection is handed over. So an instance that has left the rotation gets
//! nothing more, not even a connection that was under way.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{HandOver, HandOverOptions, Interface};

use crate::affinity::Affinity;
use crate::events::{EventKind, Herald};
use crate::probe::prober::Healthy;
use crate::rotation::{Rotation, Turn};
use crate::waiting::Waiting;

/// How often refused connections of one port are told of at most.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The wait after the operating system gave no connection, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often connections that wait are offered again. Nobody says when an instance begins to listen.
const OFFER_AGAIN: Duration = Duration::from_millis(50);

/// What takes a public connection: an interface of the virtual network.
pub(crate) trait Taker {
    /// Takes the connection, or gives it back.
    fn take(&self, port: NonZeroU16, stream: TcpStream, options: HandOverOptions) -> Result<(), TcpStream>;
}

impl Taker for Interface {
    fn take(&self, port: NonZeroU16, stream: TcpStream, options: HandOverOptions) -> Result<(), TcpStream> {
        self.hand_over_with(port, stream, options).map_err(HandOver::into_stream)
    }
}

/// One public port.
pub(crate) struct Balancer<T> {
    pub(crate) public: PublicPort,
    /// The one instance that answers, for an instance input endpoint.
    pub(crate) only: Option<u32>,
    pub(crate) rotation: watch::Receiver<Rotation<T>>,
    /// Those of the rotation that answer the port's probe, if it has one.
    pub(crate) healthy: Option<watch::Receiver<Healthy>>,
    pub(crate) herald: Herald,
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    client: IpAddr,
}

/// What a port's loop is woken up by.
enum Next {
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    OfferAgain,
    Tell,
}

impl<T: Taker> Balancer<T> {
    /// Serves the port until the task is aborted.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let (mut turn, mut waiting, mut refused) = (Turn::default(), Waiting::new(), Refused::default());
        loop {
            let next = tokio::select! {
                accepted = listener.accept() => Next::Accepted(accepted),
                () = sleep(OFFER_AGAIN), if !waiting.is_empty() => Next::OfferAgain,
                () = refused.due() => Next::Tell,
            };
            let now = Instant::now();
            match next {
                Next::Accepted(Ok((stream, client))) => {
                    // Small answers shall not wait for more; a failure here only costs time.
                    let _ = stream.set_nodelay(true);
                    let connection = Connection { stream, client: client.ip() };
                    if let Err(connection) = waiting.join(connection, now) {
                        refused.refuse(connection);
                    }
                }
                Next::Accepted(Err(error)) => self.rest(&error).await,
                Next::OfferAgain | Next::Tell => {}
            }
            waiting.serve(|connection| self.pass_on(connection, &mut turn));
            waiting.expired(now).for_each(|connection| refused.refuse(connection));
            self.tell(refused.take_due(now));
        }
    }

    /// Gives the connection to the first who takes it.
    fn pass_on(&self, connection: Connection, turn: &mut Turn) -> Result<(), Connection> {
        let Connection { mut stream, client } = connection;
        let PublicPort { distribution, transport, local_port, idle_timeout, .. } = &self.public;
        let (port, options) = (NonZeroU16::from(*local_port), HandOverOptions::idle_after(*idle_timeout));
        let affinity = Affinity::of(*distribution, *transport, client);
        let rotation = self.rotation.borrow();
        let drawn = affinity.map(|affinity| rotation.by_affinity(affinity)).into_iter().flatten();
        let in_turn = affinity.is_none().then(|| rotation.from_turn(*turn)).into_iter().flatten();
        for (ordinal, taker) in drawn.chain(in_turn).filter(|(ordinal, _)| self.admits(*ordinal)) {
            match taker.take(port, stream, options) {
                Ok(()) => {
                    *turn = Turn::taken_by(ordinal);
                    return Ok(());
                }
                Err(given_back) => stream = given_back,
            }
        }
        Err(Connection { stream, client })
    }

    /// Whether an instance that is in the rotation can have connections of this port.
    fn admits(&self, ordinal: u32) -> bool {
        self.only.is_none_or(|only| only == ordinal)
            && self.healthy.as_ref().is_none_or(|healthy| healthy.borrow().contains(&ordinal))
    }

    fn tell(&self, connections: Option<u64>) {
        if let Some(connections) = connections {
            let PublicPort { port, role, .. } = &self.public;
            self.herald.tell(EventKind::NoReadyInstance { port: *port, role: role.clone(), connections });
        }
    }

    async fn rest(&self, error: &io::Error) {
        // A client that was gone before it was accepted is nobody's problem.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        self.herald.tell(EventKind::AcceptFailed { port: self.public.port, reason: error.to_string() });
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Counts connections that nobody took.
#[derive(Default)]
struct Refused {
    untold: u64,
    told_at: Option<Instant>,
}

impl Refused {
    /// Resets the connection and counts it.
    fn refuse(&mut self, connection: Connection) {
        // With a linger time of zero the close that follows is a reset. It fails only when the client was faster.
        let _ = connection.stream.set_zero_linger();
        self.count();
    }

    fn count(&mut self) {
        self.untold = self.untold.saturating_add(1);
    }

    /// When there is something to tell, waits until it is time for that; for ever otherwise.
    async fn due(&self) {
        match self.told_at {
            _ if self.untold == 0 => pending().await,
            Some(told_at) => sleep_until(told_at + TELL_EVERY).await,
            None => {}
        }
    }

    /// The number to tell, when there is one and it is time.
    fn take_due(&mut self, now: Instant) -> Option<u64> {
        let recent = self.told_at.is_some_and(|told_at| now.duration_since(told_at) < TELL_EVERY);
        if self.untold == 0 || recent {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests;
