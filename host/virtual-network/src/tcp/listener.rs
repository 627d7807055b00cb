//! A socket that accepts.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::queue::ListenQueue;
use super::stream::TcpStream;
use crate::NetError;
use crate::network::Socket;

/// A listening socket. Dropping it frees the port, refuses what waits, and resets what was not accepted but for
/// connections from outside that have a [way back](super::WayBack).
///
/// One task may wait; a second one takes its place.
#[derive(Debug)]
pub struct TcpListener {
    queue: Arc<ListenQueue>,
    local: SocketAddr,
    _socket: Socket,
}

impl TcpListener {
    pub(super) fn new(queue: Arc<ListenQueue>, local: SocketAddr, socket: Socket) -> Self {
        Self { queue, local, _socket: socket }
    }

    /// The address as it was bound.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Takes no new connections from now on: who connects is refused, and who hands one over finds nobody. Those that are in
    /// the backlog can still be accepted, so nothing is lost that was established before.
    pub fn refuse_new(&self) {
        self.queue.refuse_new();
    }

    /// The oldest established connection; `None` when there is none now.
    ///
    /// # Errors
    ///
    /// `ConnectionAborted` when the interface has ended.
    pub fn try_accept(&self) -> Result<Option<TcpStream>, NetError> {
        self.queue.accept()
    }

    /// Ready when [`try_accept`](Self::try_accept) would give a connection or an error.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.poll_ready(cx)
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// As [`try_accept`](Self::try_accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<TcpStream, NetError>> {
        loop {
            if let Some(stream) = self.try_accept().transpose() {
                return Poll::Ready(stream);
            }
            std::task::ready!(self.poll_ready(cx));
        }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// As [`try_accept`](Self::try_accept).
    pub async fn accept(&self) -> Result<TcpStream, NetError> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.queue.close();
    }
}
