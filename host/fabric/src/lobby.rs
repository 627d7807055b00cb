//! The lobby of a public port: connections that have come in and have lost their place with whom they were.
//!
//! Here they come back to from an instance that has stopped listening before it had accepted them, and from a task that does not serve
//! the port any more. Whoever serves the port now fetches them. When the port closes, so does its lobby.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use wasm_roles_virtual_network::{OutsideStream, WayBack};

/// A connection that was accepted; if TLS ends here, after its handshake.
pub(crate) struct Connection {
    pub(crate) stream: OutsideStream,
    pub(crate) client: IpAddr,
    /// How often it came back from an instance.
    pub(crate) returns: u8,
    /// Until when it waits, if it waits already.
    pub(crate) until: Option<Instant>,
}

/// Those who are here. Their number is bounded by the sockets of instances and the places in line.
#[derive(Default)]
pub(crate) struct Lobby {
    inside: Mutex<Inside>,
    somebody: Notify,
}

#[derive(Default)]
struct Inside {
    connections: VecDeque<Connection>,
    closed: bool,
}

impl Lobby {
    /// A connection is nobody's. It is reset when the port is closed.
    pub(crate) fn enter(&self, connection: Connection) {
        let mut inside = self.inside();
        if inside.closed {
            drop(inside);
            return connection.stream.reset();
        }
        inside.connections.push_back(connection);
        drop(inside);
        self.somebody.notify_waiters();
    }

    /// The next connection. Dropping the future loses none.
    pub(crate) async fn next(&self) -> Connection {
        loop {
            // It hears of everybody who comes from now on.
            let somebody = self.somebody.notified();
            if let Some(connection) = self.inside().connections.pop_front() {
                return connection;
            }
            somebody.await;
        }
    }

    /// The port is closed.
    pub(crate) fn close(&self) {
        let mut inside = self.inside();
        inside.closed = true;
        let connections = std::mem::take(&mut inside.connections);
        drop(inside);
        connections.into_iter().for_each(|connection| connection.stream.reset());
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Lobby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lobby").finish_non_exhaustive()
    }
}

/// The way back of one connection.
pub(crate) struct Return {
    pub(crate) lobby: Arc<Lobby>,
    pub(crate) client: IpAddr,
    /// How often it has come back when it has come this way.
    pub(crate) returns: u8,
}

impl WayBack for Return {
    fn take_back(&self, stream: OutsideStream) {
        let Self { lobby, client, returns } = self;
        lobby.enter(Connection { stream, client: *client, returns: *returns, until: None });
    }
}
