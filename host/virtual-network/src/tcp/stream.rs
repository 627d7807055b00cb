//! One end of a connection.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;

use super::memory::{MemoryEnd, Pipes, Side};
use super::outside::OutsideStream;
use super::system::SystemEnd;
use super::watched::Watched;
use crate::NetError;
use crate::course::Course;
use crate::network::{Socket, State};

/// One end of a TCP connection, to another instance or to a client outside. The module says how it behaves.
///
/// Each direction remembers one waiting task. Dropping it closes: the peer reads what was written and then
/// the end; it sees a reset instead when this side leaves data unread.
#[derive(Debug)]
pub struct TcpStream {
    pub(super) end: End,
    local: SocketAddr,
    peer: SocketAddr,
    /// Of a connection with the outside, if somebody counts or looks. Pipes do it themselves.
    watched: Option<Box<Watched>>,
    /// `None` for the end of a connection from outside that is held outside.
    socket: Option<Socket>,
}

#[derive(Debug)]
pub(super) enum End {
    Memory(MemoryEnd),
    System(Arc<SystemEnd>),
}

/// A connection end as its interface knows it: enough to abort it.
#[derive(Clone, Debug)]
pub(crate) enum Connection {
    Memory(Weak<Pipes>, Side),
    System(Weak<SystemEnd>),
}

impl Connection {
    /// Ends it at once for this side, if it still exists.
    pub(crate) fn abort(&self) {
        match self {
            Self::Memory(pipes, side) => {
                if let Some(pipes) = pipes.upgrade() {
                    pipes.abort(*side);
                }
            }
            Self::System(end) => {
                if let Some(end) = end.upgrade() {
                    end.abort();
                }
            }
        }
    }
}

impl TcpStream {
    /// The end of a memory connection. Fails, and aborts it, when the interface has ended.
    pub(super) fn memory(
        end: MemoryEnd,
        local: SocketAddr,
        peer: SocketAddr,
        socket: Socket,
    ) -> Result<Self, NetError> {
        let (pipes, side) = end.downgrade();
        Self::new(End::Memory(end), Connection::Memory(pipes, side), local, peer, socket)
    }

    /// A stream of the operating system. Fails, and aborts it, when the interface has ended.
    pub(super) fn system(
        end: SystemEnd,
        local: SocketAddr,
        peer: SocketAddr,
        socket: Socket,
    ) -> Result<Self, NetError> {
        let end = Arc::new(end);
        let connection = Connection::System(Arc::downgrade(&end));
        end.watch_idle();
        Self::new(End::System(end), connection, local, peer, socket)
    }

    /// As [`system`](Self::system) for one that was handed over: when the interface has ended it is given back, as it was.
    pub(super) fn handed_over(
        end: SystemEnd,
        local: SocketAddr,
        peer: SocketAddr,
        socket: Socket,
    ) -> Result<Self, Option<OutsideStream>> {
        let end = Arc::new(end);
        let connection = Connection::System(Arc::downgrade(&end));
        end.watch_idle();
        let (stream, registered) = Self::registered(End::System(end), connection, local, peer, socket);
        match registered {
            Ok(()) => Ok(stream),
            Err(_) => Err(stream.into_untouched()),
        }
    }

    /// The end of a memory connection that somebody outside of the network holds.
    pub(super) fn outside(end: MemoryEnd, local: SocketAddr, peer: SocketAddr) -> Self {
        Self { end: End::Memory(end), local, peer, watched: None, socket: None }
    }

    /// A connection with the outside that is established now; the guest is this side of it.
    pub(super) fn watched(mut self, course: Course, guest: Side) -> Self {
        course.established();
        self.watched = course.is_watched().then(|| Box::new(Watched::new(course, guest)));
        self
    }

    /// Who counts or looks at what is read and written here.
    pub(super) fn watch(&self) -> Option<&Watched> {
        self.watched.as_deref()
    }

    fn new(
        end: End,
        connection: Connection,
        local: SocketAddr,
        peer: SocketAddr,
        socket: Socket,
    ) -> Result<Self, NetError> {
        let (stream, registered) = Self::registered(end, connection, local, peer, socket);
        if registered.is_err() {
            stream.reset();
        }
        registered.map(|()| stream)
    }

    /// The end, and whether its interface knows of it.
    fn registered(
        end: End,
        connection: Connection,
        local: SocketAddr,
        peer: SocketAddr,
        socket: Socket,
    ) -> (Self, Result<(), NetError>) {
        let registered = socket.set_state(State::Connected(connection));
        (Self { end, local, peer, watched: None, socket: Some(socket) }, registered)
    }

    /// The address of this end.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The address of the other end; of a client outside, its address on the host's network.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Whether what the client outside says came encrypted, as [who handed the connection over](crate::HandOverOptions)
    /// has it.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        match &self.end {
            End::Memory(_) => false,
            End::System(end) => end.is_secured(),
        }
    }

    /// Whether the other end is outside of the network: nothing that it says about others is to be believed.
    #[must_use]
    pub fn is_from_outside(&self) -> bool {
        matches!(self.end, End::System(_))
    }

    /// Ready when [`try_read`](Self::try_read) would give data, the end or an error.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.end {
            End::Memory(end) => end.incoming().poll_readable(cx),
            End::System(end) => end.poll_readable(cx),
        }
    }

    /// Up to `max` bytes, without waiting. `None`: nothing now, or `max` is 0. Empty: the end of the stream.
    ///
    /// # Errors
    ///
    /// `ConnectionReset`.
    pub fn try_read(&self, max: usize) -> Result<Option<Bytes>, NetError> {
        match &self.end {
            End::Memory(end) => end.incoming().read(max),
            End::System(end) => {
                let read = end.read(max);
                self.watch().inspect(|watched| watched.read(&read));
                read
            }
        }
    }

    /// Ready when [`write_budget`](Self::write_budget) is an error or more than 0.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.end {
            End::Memory(end) => end.outgoing().poll_writable(cx),
            End::System(end) => end.poll_writable(cx),
        }
    }

    /// Bytes that [`try_write`](Self::try_write) takes for sure until this end writes the next time.
    ///
    /// # Errors
    ///
    /// What `try_write` would say.
    pub fn write_budget(&self) -> Result<usize, NetError> {
        match &self.end {
            End::Memory(end) => end.outgoing().write_budget(),
            End::System(end) => end.write_budget(),
        }
    }

    /// Takes bytes from the front of `data`, without waiting, and says how many; 0 means that it is full.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` or `ConnectionBroken`; nothing was taken then.
    pub fn try_write(&self, data: &mut Bytes) -> Result<usize, NetError> {
        match &self.end {
            End::Memory(end) => end.write(data),
            End::System(end) => {
                let taken = end.write(data)?;
                let taken = data.split_to(taken);
                self.watch().inspect(|watched| watched.wrote(&taken));
                Ok(taken.len())
            }
        }
    }

    /// Ready when nothing that was written waits in this process for the operating system; between instances
    /// always.
    pub fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.end {
            End::Memory(_) => Poll::Ready(()),
            End::System(end) => end.poll_flushed(cx),
        }
    }

    /// Ends the own direction: the peer reads what was written, then the end.
    pub fn shutdown_write(&self) {
        match &self.end {
            End::Memory(end) => end.outgoing().finish(),
            End::System(end) => {
                self.watch().inspect(|watched| watched.finished());
                end.shutdown_write();
            }
        }
    }

    /// Reads nothing any more. Between instances what comes is thrown away; a client outside finds the
    /// operating system's buffers full after a while, as it would with any Linux process.
    pub fn shutdown_read(&self) {
        match &self.end {
            End::Memory(end) => end.incoming().discard(),
            End::System(end) => end.shutdown_read(),
        }
    }

    /// Gives a connection from outside back that nobody has accepted, as it was handed over; none when it is another one, or is
    /// over.
    pub(super) fn into_untouched(self) -> Option<OutsideStream> {
        let End::System(end) = &self.end else { return None };
        Some(OutsideStream::returned(end.take_untouched()?, self.peer))
    }

    /// Aborts the connection.
    pub fn reset(&self) {
        match &self.end {
            End::Memory(end) => end.abort(),
            End::System(end) => {
                self.watch().inspect(|watched| watched.reset());
                end.abort();
            }
        }
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        match &self.end {
            End::Memory(end) => end.close(),
            End::System(end) => {
                self.watched.as_deref().inspect(|watched| watched.finished());
                end.close(self.socket.take());
            }
        }
    }
}
