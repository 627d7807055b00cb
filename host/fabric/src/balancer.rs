//! The load balancer: public connections to the instances that are available, in turn or by affinity.
//!
//! Each public port has an accept loop. An accepted connection is not relayed: the operating system's stream itself goes to the
//! listener of an instance in the virtual network. An instance that does not listen (yet), or whose backlog is full, is
//! passed over. A connection that nobody takes [waits](crate::waiting); when its time is over it is reset, counted, and
//! told of now and then. At a port whose TLS ends here the [handshake](crate::tls) comes before all of this.
//!
//! Who is available is said by the rotation: the instances that are Ready, or all that run. A port with a probe asks
//! those that run and answer it. The default is round robin, as the platform's emulator did it; with `sourceIP` and
//! `sourceIPProtocol` a client stays with one instance as long as that one is available.
//!
//! The rotation is read-locked while a connection is handed over. So an instance that has left the rotation gets
//! nothing more, not even a connection that was under way.

use std::io;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{HandOver, HandOverOptions, Interface, OutsideStream};

use crate::backends::Backends;
use crate::door::{Arrival, Door, Entrance};
use crate::events::{EventKind, Herald};
use crate::rotation::Turn;
use crate::tally::{self, Tally};
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
    fn take(
        &self,
        port: NonZeroU16,
        stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), OutsideStream>;
}

impl Taker for Interface {
    fn take(
        &self,
        port: NonZeroU16,
        stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), OutsideStream> {
        self.hand_over_with(port, stream, options).map_err(HandOver::into_stream)
    }
}

/// One public port.
pub(crate) struct Balancer<T> {
    pub(crate) backends: Backends<T>,
    pub(crate) herald: Herald,
}

/// A connection that was accepted.
struct Connection {
    stream: OutsideStream,
    client: IpAddr,
}

/// What a port's loop is woken up by.
enum Next {
    Arrival(Arrival),
    OfferAgain,
    Tell,
}

impl<T: Taker> Balancer<T> {
    /// Serves the port until the task is aborted. TLS ends here if there is something to end it with.
    pub(crate) async fn serve(self, entrance: Entrance) {
        let (mut turn, mut waiting, secured) = (Turn::default(), Waiting::new(), entrance.tls.is_some());
        let (mut door, mut refused) = (Door::new(entrance), Tally::every(TELL_EVERY));
        loop {
            let next = tokio::select! {
                arrival = door.next() => Next::Arrival(arrival),
                () = sleep(OFFER_AGAIN), if !waiting.is_empty() => Next::OfferAgain,
                () = tally::due([&refused]) => Next::Tell,
            };
            let now = Instant::now();
            match next {
                Next::Arrival(Arrival::Connection(stream, client)) => {
                    let connection = Connection { stream, client };
                    if let Err(connection) = waiting.join(connection, now) {
                        refuse(connection, &mut refused);
                    }
                }
                Next::Arrival(Arrival::HandshakesFailed(failure, connections)) => {
                    let port = self.backends.public.port;
                    self.herald.tell(EventKind::HandshakesFailed { port, failure, connections });
                }
                Next::Arrival(Arrival::GaveUp) => refused.count(),
                Next::Arrival(Arrival::Nobody(error)) => self.rest(&error).await,
                Next::OfferAgain | Next::Tell => {}
            }
            #[expect(clippy::result_large_err, reason = "it goes back into the line")]
            waiting.serve(|connection| self.pass_on(connection, secured, &mut turn));
            waiting.expired(now).for_each(|connection| refuse(connection, &mut refused));
            self.tell(refused.take_due(now));
        }
    }

    /// Gives the connection to the first who takes it; back when nobody does.
    #[expect(
        clippy::result_large_err,
        reason = "the connection goes back into the line, which needs all of it"
    )]
    fn pass_on(&self, connection: Connection, secured: bool, turn: &mut Turn) -> Result<(), Connection> {
        let Connection { mut stream, client } = connection;
        let PublicPort { local_port, idle_timeout, .. } = &self.backends.public;
        let (port, options) =
            (NonZeroU16::from(*local_port), HandOverOptions::idle_after(*idle_timeout).with_secured(secured));
        let rotation = self.backends.rotation.borrow();
        for (ordinal, taker) in self.backends.in_order(&rotation, client, *turn) {
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

    fn tell(&self, connections: Option<u64>) {
        if let Some(connections) = connections {
            let PublicPort { port, role, .. } = &self.backends.public;
            self.herald.tell(EventKind::NoReadyInstance { port: *port, role: role.clone(), connections });
        }
    }

    async fn rest(&self, error: &io::Error) {
        // A client that was gone before it was accepted is nobody's problem.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        let (port, transport) = (self.backends.public.port, self.backends.public.transport);
        self.herald.tell(EventKind::AcceptFailed { port, transport, reason: error.to_string() });
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Resets the connection and counts it.
fn refuse(connection: Connection, refused: &mut Tally) {
    connection.stream.reset();
    refused.count();
}

#[cfg(test)]
mod tests;
