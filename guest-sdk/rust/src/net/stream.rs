//! A TCP connection and its two halves.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use wasip3::sockets::types::{ErrorCode, TcpSocket};
use wasip3::wit_stream;
use wit_bindgen::{FutureReader, StreamReader, StreamWriter};

use super::address::{Destination, family, from_wasi, to_wasi};
use super::error::{needs_component, socket_error};
use super::read::read_into;

/// Bytes that one read asks for at least, so that a role that reads byte by byte does not cross the sandbox for each.
const READ_AT_LEAST: usize = 8 * 1024;

/// A TCP connection.
///
/// Dropping it closes both directions. [`into_split`](Self::into_split) gives two halves that two tasks can own.
#[derive(Debug)]
pub struct TcpStream {
    reading: ReadHalf,
    writing: WriteHalf,
}

impl TcpStream {
    /// Connects to an address, an [`Endpoint`](crate::Endpoint), or a name and a port. The addresses of a name are
    /// tried one after the other.
    ///
    /// # Errors
    ///
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) if the service definition does not let this role connect there,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody listens, [`NotFound`](io::ErrorKind::NotFound) if
    /// the name is unknown. With several addresses: the error of the last.
    pub async fn connect(destination: impl Into<Destination>) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in destination.into().addresses().await? {
            match Self::connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        needs_component()?;
        let socket = TcpSocket::create(family(address)).map_err(socket_error)?;
        socket.connect(to_wasi(address)).await.map_err(socket_error)?;
        Ok(Self::connected(socket))
    }

    /// Takes both directions of a socket in the `connected` state.
    pub(super) fn connected(socket: TcpSocket) -> Self {
        let (incoming, end) = socket.receive();
        let (outgoing, source) = wit_stream::new();
        let outcome = socket.send(source);
        let socket = Rc::new(socket);
        Self {
            reading: ReadHalf {
                socket: Rc::clone(&socket),
                incoming,
                end: Some(end),
                unread: Vec::new(),
                taken: 0,
            },
            writing: WriteHalf { socket, outgoing: Some(outgoing), outcome: Some(outcome) },
        }
    }

    /// See [`ReadHalf::read`].
    ///
    /// # Errors
    ///
    /// Those of [`ReadHalf::read`].
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reading.read(buffer).await
    }

    /// See [`ReadHalf::read_to_end`].
    ///
    /// # Errors
    ///
    /// Those of [`ReadHalf::read`].
    pub async fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.reading.read_to_end(buffer).await
    }

    /// See [`WriteHalf::write_all`].
    ///
    /// # Errors
    ///
    /// Those of [`WriteHalf::write_all`].
    pub async fn write_all(&mut self, data: impl Into<Vec<u8>>) -> io::Result<()> {
        self.writing.write_all(data).await
    }

    /// See [`WriteHalf::shutdown`].
    ///
    /// # Errors
    ///
    /// Those of [`WriteHalf::write_all`].
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.writing.shutdown().await
    }

    /// Two halves, one for each direction; the connection is closed when both are dropped.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.reading, self.writing)
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if the connection is already gone.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        local_address(&self.reading.socket)
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if the connection is already gone.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        peer_address(&self.reading.socket)
    }
}

/// The direction from the other side to this one.
#[derive(Debug)]
pub struct ReadHalf {
    socket: Rc<TcpSocket>,
    incoming: StreamReader<u8>,
    /// How the stream ended; taken when that has been told.
    end: Option<FutureReader<Result<(), ErrorCode>>>,
    /// Bytes read ahead; those before `taken` have been given out.
    unread: Vec<u8>,
    taken: usize,
}

impl ReadHalf {
    /// Reads what is there, at most as much as fits; waits if nothing is. Zero is the end: the other side has
    /// closed its direction in order.
    ///
    /// # Errors
    ///
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) when the other side has gone without closing in order.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.taken == self.unread.len() {
            self.unread.clear();
            self.taken = 0;
            self.unread.reserve(buffer.len().max(READ_AT_LEAST));
            if !read_into(&mut self.incoming, &mut self.unread).await {
                return self.told_how_it_ended().await.map(|()| 0);
            }
        }
        let available = self.unread.get(self.taken..).unwrap_or_default();
        let count = io::Read::read(&mut &*available, buffer)?;
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }

    /// Reads up to the end and appends it all to the buffer; gives the number of bytes. There is no limit: with a
    /// peer that is not trusted, put [`timeout`](crate::timeout) around it, or use [`read`](Self::read) and count.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read); what came before is in the buffer.
    pub async fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let before = buffer.len();
        buffer.extend_from_slice(self.unread.get(self.taken..).unwrap_or_default());
        self.unread.clear();
        self.taken = 0;
        loop {
            buffer.reserve(READ_AT_LEAST);
            if !read_into(&mut self.incoming, buffer).await {
                self.told_how_it_ended().await?;
                return Ok(buffer.len().saturating_sub(before));
            }
        }
    }

    async fn told_how_it_ended(&mut self) -> io::Result<()> {
        match self.end.take() {
            Some(end) => end.await.map_err(socket_error),
            None => Ok(()),
        }
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if the connection is already gone.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        peer_address(&self.socket)
    }
}

/// The direction from this side to the other.
#[derive(Debug)]
pub struct WriteHalf {
    socket: Rc<TcpSocket>,
    /// None after `shutdown` and after a failure.
    outgoing: Option<StreamWriter<u8>>,
    /// How sending ended; taken when that has been told.
    outcome: Option<FutureReader<Result<(), ErrorCode>>>,
}

impl WriteHalf {
    /// Writes all of it; waits while the other side reads too slowly. A `Vec` or `String` is taken without a copy.
    ///
    /// # Errors
    ///
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) or [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the
    /// other side has gone, or after [`shutdown`](Self::shutdown). Part of the data may have been sent.
    pub async fn write_all(&mut self, data: impl Into<Vec<u8>>) -> io::Result<()> {
        let data = data.into();
        if data.is_empty() {
            return Ok(());
        }
        let Some(outgoing) = &mut self.outgoing else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        if outgoing.write_all(data).await.is_empty() {
            return Ok(());
        }
        self.outgoing = None;
        self.outcome().await?;
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// Ends this direction: the other side reads the end, and can still send. Waits until everything written has been
    /// handed to the network.
    ///
    /// # Errors
    ///
    /// Those of [`write_all`](Self::write_all), if not all could be sent.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.outgoing = None;
        self.outcome().await
    }

    async fn outcome(&mut self) -> io::Result<()> {
        match self.outcome.take() {
            Some(outcome) => outcome.await.map_err(socket_error),
            None => Ok(()),
        }
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if the connection is already gone.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        peer_address(&self.socket)
    }
}

fn local_address(socket: &TcpSocket) -> io::Result<SocketAddr> {
    socket.get_local_address().map(from_wasi).map_err(socket_error)
}

fn peer_address(socket: &TcpSocket) -> io::Result<SocketAddr> {
    socket.get_remote_address().map(from_wasi).map_err(socket_error)
}
