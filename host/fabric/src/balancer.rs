//! The load balancer: public connections to the instances that are available, in turn or by affinity.
//!
//! Each public port has an accept loop. An accepted connection is not relayed: the operating system's stream itself goes to the
//! listener of an instance in the virtual network. An instance that does not listen (yet), or whose backlog is full, is
//! passed over. A connection that nobody takes [waits](crate::waiting); when its time is over it is reset, counted, and
//! told of now and then. So does one that comes back, because its instance stopped listening before it had accepted it. At a port
//! whose TLS ends here the [handshake](crate::tls) comes before all of this.
//!
//! When the line is full, further connections stay with the operating system, whose backlog is long enough for a recycle under
//! load. Only when nobody has taken one for the time that one waits, what does not fit into the line is refused at once.
//!
//! Who is available is said by the rotation: the instances that are Ready, or all that run. A port with a probe asks
//! those that run and answer it. The default is round robin, as the platform's emulator did it; with `sourceIP` and
//! `sourceIPProtocol` a client stays with one instance as long as that one is available.
//!
//! No lock is held while a connection is handed over: whoever takes it wakes others, and observers are told, and any of them may
//! come back here. So an instance that has just left the rotation may still be offered one. If it drains, it does not
//! listen any more and is passed over; if it ends, the connection comes back.

use std::io;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{HandOver, HandOverOptions, OutsideStream};

use crate::backends::Backends;
use crate::door::{Arrival, Door, Entrance};
use crate::entry::{Entry, Leads};
use crate::events::{EventKind, Herald};
use crate::lobby::{Connection, Lobby, Return};
use crate::rotation::Turn;
use crate::tally::{self, Tally};
use crate::waiting::{CONNECTION_WAIT, Waiting};

/// How often refused connections of one port are told of at most.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The wait after the operating system gave no connection, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often connections that wait are offered again. Nobody says when an instance begins to listen.
const OFFER_AGAIN: Duration = Duration::from_millis(50);
/// How often a connection comes back at most. A role that listens, accepts nothing and ends does not keep its clients for ever.
const RETURNS: u8 = 8;

/// What takes a public connection: an interface of the virtual network.
pub(crate) trait Taker: Leads + Clone {
    /// Takes the connection, or gives it back.
    fn take(
        &self,
        port: NonZeroU16,
        stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), OutsideStream>;
}

impl Taker for Entry {
    fn take(
        &self,
        port: NonZeroU16,
        stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), OutsideStream> {
        self.interface().hand_over_with(port, stream, options).map_err(HandOver::into_stream)
    }
}

/// One public port.
pub(crate) struct Balancer<T> {
    pub(crate) backends: Backends<T>,
    pub(crate) herald: Herald,
}

/// What a port's loop is woken up by.
enum Next {
    Arrival(Arrival),
    Returned(Connection),
    OfferAgain,
    Tell,
}

impl<T: Taker> Balancer<T> {
    /// Serves the port until the task is aborted, or somebody else serves it: then who has come in here goes to the lobby, those in the
    /// middle of a handshake after that. TLS ends here if there is something to end it with.
    pub(crate) async fn serve(self, entrance: Entrance) {
        let (mut turn, mut waiting, secured) = (Turn::default(), Waiting::new(), entrance.tls.is_some());
        let lobby = entrance.listener.lobby();
        let (mut door, mut refused) = (Door::new(entrance), Tally::every(TELL_EVERY));
        let mut changes = self.backends.changes();
        // Whether somebody has waited in vain since the last connection was taken.
        let mut in_vain = false;
        let mut displaced = false;
        while !displaced || !door.is_empty() {
            let lets_in = displaced || in_vain || waiting.has_place();
            let arrival = async { if lets_in { door.next().await } else { door.displaced().await } };
            let next = tokio::select! {
                arrival = arrival => Next::Arrival(arrival),
                connection = lobby.next(), if !displaced => Next::Returned(connection),
                () = changes.next(), if !waiting.is_empty() => Next::OfferAgain,
                () = sleep(OFFER_AGAIN), if !waiting.is_empty() => Next::OfferAgain,
                () = tally::due([&refused]) => Next::Tell,
            };
            let now = Instant::now();
            match next {
                Next::Arrival(Arrival::Connection(stream, client)) => {
                    let connection = Connection { stream, client, returns: 0, until: None };
                    if displaced {
                        lobby.enter(connection);
                    } else if let Err(connection) = waiting.join(connection, now) {
                        refuse(connection, &mut refused);
                    }
                }
                Next::Returned(connection) => {
                    let until = connection.until.unwrap_or_else(|| now + CONNECTION_WAIT);
                    waiting.rejoin(connection, until);
                }
                Next::Arrival(Arrival::HandshakesFailed(failure, connections)) => {
                    let port = self.backends.public.port;
                    self.herald.tell(EventKind::HandshakesFailed { port, failure, connections });
                }
                Next::Arrival(Arrival::GaveUp) => refused.count(),
                Next::Arrival(Arrival::Displaced) => {
                    displaced = true;
                    for (connection, until) in waiting.leave() {
                        lobby.enter(Connection { until: Some(until), ..connection });
                    }
                }
                Next::Arrival(Arrival::Nobody(error)) => self.rest(&error).await,
                Next::OfferAgain | Next::Tell => {}
            }
            #[allow(clippy::result_large_err, reason = "it goes back into the line")]
            waiting.serve(|connection| {
                self.pass_on(connection, secured, &mut turn, &lobby)?;
                in_vain = false;
                Ok(())
            });
            for connection in waiting.expired(now) {
                in_vain = true;
                refuse(connection, &mut refused);
            }
            self.tell(refused.take_due(now));
        }
    }

    /// Gives the connection to the first who takes it; back when nobody does.
    #[allow(
        clippy::result_large_err,
        reason = "the connection goes back into the line, which needs all of it"
    )]
    fn pass_on(
        &self,
        connection: Connection,
        secured: bool,
        turn: &mut Turn,
        lobby: &Arc<Lobby>,
    ) -> Result<(), Connection> {
        let Connection { mut stream, client, returns, until } = connection;
        let public = &self.backends.public;
        let options = HandOverOptions::idle_after(public.idle_timeout).with_secured(secured);
        if returns < RETURNS {
            let lobby = Arc::clone(lobby);
            let way_back = Return { lobby, client, returns: returns.saturating_add(1) };
            stream = stream.with_way_back(Arc::new(way_back));
        }
        for place in 0.. {
            let Some((ordinal, taker)) = self.backends.nth(place, client, *turn) else { break };
            let Some(port) = taker.leads(public) else { continue };
            match taker.take(port, stream, options) {
                Ok(()) => {
                    *turn = Turn::taken_by(ordinal);
                    return Ok(());
                }
                Err(given_back) => stream = given_back,
            }
        }
        Err(Connection { stream, client, returns, until })
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
