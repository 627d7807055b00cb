//! Connections and bytes as streams of the component model.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;
use wasm_roles_virtual_network::{TcpListener, TcpStream};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, Resource, ResourceTableError, Source, StreamConsumer, StreamProducer, StreamResult,
};

use super::bindings::wasi::sockets::types::ErrorCode;
use super::errors;
use super::tcp_socket::{SharedOptions, TcpSocket};
use crate::address::Family;
use crate::{CHUNK, SocketsView};

type Produced = Poll<wasmtime::Result<StreamResult>>;
/// How a direction of a connection ended; it resolves the future of `send` or `receive`.
type Outcome = Result<(), ErrorCode>;

const COMPLETED: Produced = Poll::Ready(Ok(StreamResult::Completed));
const DROPPED: Produced = Poll::Ready(Ok(StreamResult::Dropped));

/// Nothing can be done now. A guest that gives up waiting is let go at once.
fn pending(give_up: bool) -> Produced {
    if give_up { Poll::Ready(Ok(StreamResult::Cancelled)) } else { Poll::Pending }
}

/// What `listen` gives: the connections that come in.
pub(super) struct Incoming<T: 'static> {
    pub(super) listener: Arc<TcpListener>,
    pub(super) family: Family,
    /// The listener's, for each connection.
    pub(super) options: SharedOptions,
    pub(super) view: for<'a> fn(&'a mut T) -> SocketsView<'a>,
}

impl<T: 'static> StreamProducer<T> for Incoming<T> {
    type Item = Resource<TcpSocket>;
    type Buffer = Option<Self::Item>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        give_up: bool,
    ) -> Produced {
        loop {
            if self.listener.poll_ready(cx).is_pending() {
                return pending(give_up);
            }
            if destination.remaining(&mut store) == Some(0) {
                return COMPLETED;
            }
            let stream = match self.listener.try_accept() {
                Ok(Some(stream)) => stream,
                Ok(None) => continue,
                Err(_) => return DROPPED,
            };
            let socket = TcpSocket::accepted(self.family, self.options.inherited(), stream);
            match (self.view)(store.data_mut()).table.push(socket) {
                Ok(socket) => {
                    destination.set_buffer(Some(socket));
                    return COMPLETED;
                }
                // Not the end of the listener: this connection is closed, the next may find room. Other tasks come
                // first, so that clients that keep coming hold up nobody.
                Err(ResourceTableError::Full) => {
                    cx.waker().wake_by_ref();
                    return pending(give_up);
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

/// What `receive` gives: the bytes that the peer sends.
pub(super) struct Receiving {
    stream: Arc<TcpStream>,
    /// Taken when the outcome is told.
    outcome: Option<oneshot::Sender<Outcome>>,
}

impl Receiving {
    pub(super) fn new(stream: Arc<TcpStream>) -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self { stream, outcome: Some(sender) }, receiver)
    }
}

impl<T> StreamProducer<T> for Receiving {
    type Item = u8;
    /// Not used: chunks are copied straight into the guest.
    type Buffer = Bytes;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, T>,
        destination: Destination<'a, u8, Bytes>,
        give_up: bool,
    ) -> Produced {
        if self.stream.poll_readable(cx).is_pending() {
            return pending(give_up);
        }
        let mut destination = destination.as_direct(store, CHUNK);
        loop {
            let room = destination.remaining();
            if room.is_empty() {
                return COMPLETED;
            }
            let outcome = match self.stream.try_read(room.len().min(CHUNK)) {
                Ok(None) if self.stream.poll_readable(cx).is_pending() => return pending(give_up),
                Ok(None) => continue,
                Ok(Some(data)) if data.is_empty() => Ok(()),
                Ok(Some(data)) => {
                    let Some(room) = room.get_mut(..data.len()) else {
                        return Poll::Ready(Err(wasmtime::Error::msg("a read gave more than was asked for")));
                    };
                    room.copy_from_slice(&data);
                    destination.mark_written(data.len());
                    return COMPLETED;
                }
                Err(error) => Err(errors::receive(error)),
            };
            tell(&mut self.outcome, outcome);
            return DROPPED;
        }
    }
}

impl Drop for Receiving {
    /// The guest wants no more, or there is no more.
    fn drop(&mut self) {
        self.stream.shutdown_read();
        tell(&mut self.outcome, Ok(()));
    }
}

/// What `send` takes: the bytes for the peer.
pub(super) struct Sending {
    stream: Arc<TcpStream>,
    /// Taken when the outcome is told.
    outcome: Option<oneshot::Sender<Outcome>>,
}

impl Sending {
    pub(super) fn new(stream: Arc<TcpStream>) -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self { stream, outcome: Some(sender) }, receiver)
    }
}

impl<T> StreamConsumer<T> for Sending {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, T>,
        source: Source<'_, u8>,
        give_up: bool,
    ) -> Produced {
        let mut source = source.as_direct(store);
        loop {
            if self.stream.poll_writable(cx).is_pending() {
                return pending(give_up);
            }
            let offered = source.remaining();
            if offered.is_empty() {
                return COMPLETED;
            }
            let sent = self.stream.write_budget().and_then(|budget| {
                let size = budget.min(CHUNK).min(offered.len());
                // The one copy, out of the guest.
                let mut chunk = Bytes::copy_from_slice(offered.get(..size).unwrap_or_default());
                self.stream.try_write(&mut chunk)
            });
            match sent {
                Ok(0) => {}
                Ok(size) => {
                    source.mark_read(size);
                    return COMPLETED;
                }
                Err(error) => {
                    tell(&mut self.outcome, Err(errors::send(error)));
                    return DROPPED;
                }
            }
        }
    }
}

impl Drop for Sending {
    /// The guest has closed its stream, or the connection takes no more.
    fn drop(&mut self) {
        self.stream.shutdown_write();
        tell(&mut self.outcome, Ok(()));
    }
}

/// Says how it ended, unless that has been said. The guest may have dropped the future.
fn tell(sender: &mut Option<oneshot::Sender<Outcome>>, outcome: Outcome) {
    if let Some(sender) = sender.take() {
        let _ = sender.send(outcome);
    }
}
