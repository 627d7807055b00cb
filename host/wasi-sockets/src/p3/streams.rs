//! The streams of a socket: incoming connections, bytes received, bytes sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;
use wasm_roles_virtual_network::{TcpListener, TcpStream};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, Resource, Source, StreamConsumer, StreamProducer, StreamResult};

use super::bindings::wasi::sockets::types::ErrorCode;
use super::tcp::{Accepted, TcpSocket};
use crate::{CHUNK, SocketsView};

/// The result that a guest gets when a stream of bytes has come to its end.
pub(super) type Outcome = Result<(), ErrorCode>;

/// Waits with a poll, or ends the wait when the guest has cancelled its own.
macro_rules! ready_or_cancelled {
    ($poll:expr, $cancelled:expr) => {
        match $poll {
            Poll::Ready(ready) => ready,
            Poll::Pending if $cancelled => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
        }
    };
}

/// The connections that arrive at a listening socket. It ends when the instance is being stopped.
pub(super) struct Accepting<T: 'static> {
    pub(super) listener: TcpListener,
    pub(super) accepted: Accepted,
    pub(super) view: for<'a> fn(&'a mut T) -> SocketsView<'a>,
}

impl<T: 'static> StreamProducer<T> for Accepting<T> {
    type Item = Resource<TcpSocket>;
    type Buffer = Option<Resource<TcpSocket>>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        cancelled: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        ready_or_cancelled!(self.listener.poll_ready(cx), cancelled);
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed)); // the guest only asked whether there is something
        }
        let Ok(stream) = ready_or_cancelled!(self.listener.poll_accept(cx), cancelled) else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let socket = self.accepted.socket(stream);
        // A guest whose table is full loses the connection, not its listener.
        if let Ok(socket) = (self.view)(store.data_mut()).table.push(socket) {
            destination.set_buffer(Some(socket));
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// The bytes that a connection receives.
pub(super) struct Receiving {
    pub(super) stream: Arc<TcpStream>,
    pub(super) outcome: Option<oneshot::Sender<Outcome>>,
}

/// Tells the guest how it ended. It may have dropped its end of that, too.
fn tell(outcome: &mut Option<oneshot::Sender<Outcome>>, end: Outcome) {
    if let Some(outcome) = outcome.take() {
        let _ = outcome.send(end);
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.stream.shutdown_read();
        tell(&mut self.outcome, Ok(()));
    }
}

impl<T> StreamProducer<T> for Receiving {
    type Item = u8;
    type Buffer = Bytes; // handed on as it is; the only copy is the one into the guest's memory

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, u8, Bytes>,
        cancelled: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let wanted = destination.remaining(&mut store).unwrap_or(CHUNK).min(CHUNK);
        let end = loop {
            ready_or_cancelled!(self.stream.poll_readable(cx), cancelled);
            if wanted == 0 {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            match self.stream.try_read(wanted) {
                Ok(Some(bytes)) if bytes.is_empty() => break Ok(()),
                Ok(Some(bytes)) => {
                    destination.set_buffer(bytes);
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                Ok(None) => {} // it was not ready after all
                Err(error) => break Err(error.into()),
            }
        };
        tell(&mut self.outcome, end);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

/// The bytes that a guest sends. Its end is the end of the connection's sending side.
pub(super) struct Sending {
    pub(super) stream: Arc<TcpStream>,
    pub(super) outcome: Option<oneshot::Sender<Outcome>>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.stream.shutdown_write();
        tell(&mut self.outcome, Ok(()));
    }
}

impl<T> StreamConsumer<T> for Sending {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<T>,
        source: Source<u8>,
        cancelled: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let end = loop {
            ready_or_cancelled!(self.stream.poll_writable(cx), cancelled);
            let offered = source.remaining();
            if offered.is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let written = self.stream.write_budget().and_then(|budget| {
                let taken = offered.get(..budget.min(CHUNK)).unwrap_or(offered);
                self.stream.try_write(&mut Bytes::copy_from_slice(taken))
            });
            match written {
                Ok(0) => {} // it was not ready after all
                Ok(written) => {
                    source.mark_read(written);
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                Err(error) => break error,
            }
        };
        tell(&mut self.outcome, Err(end.into()));
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}
