//! Listening for TCP connections.

use std::io;
use std::net::SocketAddr;

use wasip3::sockets::types::TcpSocket;
use wit_bindgen::StreamReader;

use super::address::{family, from_wasi, to_wasi};
use super::error::{needs_component, socket_error};
use super::read::read_into;
use super::stream::TcpStream;

/// A TCP socket that listens.
#[derive(Debug)]
pub struct TcpListener {
    socket: TcpSocket,
    incoming: StreamReader<TcpSocket>,
    accepted: Vec<TcpSocket>,
}

impl TcpListener {
    /// Listens on an address of this instance. Connections that come before `accept` is called wait in the queue.
    ///
    /// # Errors
    ///
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) if the port is not one of the role's endpoints,
    /// [`AddrInUse`](io::ErrorKind::AddrInUse), [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable).
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        needs_component()?;
        let address = address.into();
        let socket = TcpSocket::create(family(address)).map_err(socket_error)?;
        socket.bind(to_wasi(address)).map_err(socket_error)?;
        let incoming = socket.listen().map_err(socket_error)?;
        Ok(Self { socket, incoming, accepted: Vec::with_capacity(1) })
    }

    /// Waits for the next connection; gives it and the address of the other side.
    ///
    /// # Errors
    ///
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) when the listener is closed because the instance is
    /// being stopped. No later call succeeds then.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            if self.accepted.is_empty() && !read_into(&mut self.incoming, &mut self.accepted).await {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let Some(socket) = self.accepted.pop() else { continue };
            let stream = TcpStream::connected(socket);
            // Without a peer the connection was already gone when it came out of the queue: wait for the next.
            if let Ok(peer) = stream.peer_address() {
                return Ok((stream, peer));
            }
        }
    }

    /// The address that the listener is bound to.
    ///
    /// # Errors
    ///
    /// None that a role can cause.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.get_local_address().map(from_wasi).map_err(socket_error)
    }
}
