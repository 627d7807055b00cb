//! One end of a connection between two instances.

use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::account::Account;
use super::pipe::Pipe;
use crate::NetError;
use crate::course::Course;

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

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Pipes {
    pub(super) fn new(client: &Arc<Account>, server: &Arc<Account>, course: Course) -> Self {
        let course = Arc::new(course);
        Self {
            to_server: Pipe::new(client.clone(), course.clone(), Side::Client),
            to_client: Pipe::new(server.clone(), course, Side::Server),
        }
    }

    /// What the connection passes on its way.
    pub(crate) fn course(&self) -> &Course {
        self.to_server.course()
    }

    /// A fault resets the connection: both sides see it at once.
    pub(crate) fn break_up(&self) {
        self.to_server.break_up();
        self.to_client.break_up();
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

    /// Takes as much of `data` as there is room for.
    pub(super) fn write(&self, data: &mut Bytes) -> Result<usize, NetError> {
        if self.pipes.course().resets(self.side) {
            self.pipes.break_up();
        }
        self.outgoing().write(data)
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
