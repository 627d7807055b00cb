//! One end of a connection between two instances.

use std::sync::{Arc, Weak};

use super::account::Account;
use super::pipe::Pipe;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Pipes {
    to_server: Pipe,
    to_client: Pipe,
}

/// Who opened the connection, and who accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Pipes {
    pub(super) fn new(client: &Arc<Account>, server: &Arc<Account>) -> Self {
        Self { to_server: Pipe::new(client.clone()), to_client: Pipe::new(server.clone()) }
    }

    fn outgoing(&self, side: Side) -> &Pipe {
        match side {
            Side::Client => &self.to_server,
            Side::Server => &self.to_client,
        }
    }

    fn incoming(&self, side: Side) -> &Pipe {
        match side {
            Side::Client => &self.to_client,
            Side::Server => &self.to_server,
        }
    }

    /// `side` aborts the connection.
    pub(super) fn abort(&self, side: Side) {
        self.incoming(side).abort_reader();
        self.outgoing(side).abort_writer();
    }
}

/// One end of a connection in memory.
#[derive(Debug)]
pub(crate) struct MemoryEnd {
    pipes: Arc<Pipes>,
    side: Side,
}

impl MemoryEnd {
    pub(super) fn new(pipes: Arc<Pipes>, side: Side) -> Self {
        Self { pipes, side }
    }

    pub(super) fn outgoing(&self) -> &Pipe {
        self.pipes.outgoing(self.side)
    }

    pub(super) fn incoming(&self) -> &Pipe {
        self.pipes.incoming(self.side)
    }

    pub(super) fn abort(&self) {
        self.pipes.abort(self.side);
    }

    /// Ends both directions in order, or aborts when unread data is lost by it, so that the peer learns of
    /// the loss.
    pub(super) fn close(&self) {
        if self.incoming().close_reader() {
            self.outgoing().finish();
        } else {
            self.outgoing().abort_writer();
        }
    }

    pub(super) fn downgrade(&self) -> (Weak<Pipes>, Side) {
        (Arc::downgrade(&self.pipes), self.side)
    }
}
