//! What carries a connection from outside: the operating system's stream, or a layer that somebody has put on one.
//!
//! A layer, such as the end of TLS, is a tokio reader and writer. It says what it can do only by trying, so it is read
//! ahead to find out whether there is something, one chunk at most, and what it keeps of a write is flushed.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
#[cfg(unix)]
use rustix::buffer::spare_capacity;
#[cfg(unix)]
use tokio::io::Interest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;

use crate::sync::{WakerSlot, lock, wake};

/// What a layer is read ahead: the plaintext of the largest record of TLS.
const AHEAD: usize = 16 * 1024;

/// A layer on a stream of the operating system.
///
/// The end of its reading stands for the end that the client has sent, its shutdown ends the own direction, and an error
/// of it is one of the connection.
pub trait Layer: AsyncRead + AsyncWrite + Send + 'static {
    /// Makes the drop that follows a reset, as far as the stream below can do that.
    fn reset_on_drop(&self);
}

/// Where a connection goes back to that was handed over and not accepted before nobody listened any more.
///
/// It is called with no lock held, by whoever ends the listener, so it must not wait.
pub trait WayBack: Send + Sync + 'static {
    /// The connection, as it was handed over: nobody has read of it or written to it.
    fn take_back(&self, stream: OutsideStream);
}

/// A connection from outside, to be [handed over](crate::Interface::hand_over).
pub struct OutsideStream {
    carrier: Carrier,
    peer: Option<SocketAddr>,
    way_back: Option<Arc<dyn WayBack>>,
}

impl fmt::Debug for OutsideStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl OutsideStream {
    /// A connection of the client at `peer` with a layer on it.
    #[must_use]
    pub fn layered(layer: impl Layer, peer: SocketAddr) -> Self {
        let carrier = Carrier::Layered(Box::new(Layered::new(Box::pin(layer))));
        Self { carrier, peer: Some(peer), way_back: None }
    }

    /// The same with a way back: when the listener ends that it was handed to, and nobody has accepted it, it goes there instead
    /// of being reset.
    #[must_use]
    pub fn with_way_back(self, way_back: Arc<dyn WayBack>) -> Self {
        Self { way_back: Some(way_back), ..self }
    }

    /// The address of the client; none when it has gone already.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Ends the connection; the client sees a reset.
    pub fn reset(self) {
        self.carrier.reset();
    }

    /// One that was handed over and comes back.
    pub(super) const fn returned(carrier: Carrier, peer: SocketAddr) -> Self {
        Self { carrier, peer: Some(peer), way_back: None }
    }

    pub(super) fn take_way_back(&mut self) -> Option<Arc<dyn WayBack>> {
        self.way_back.take()
    }

    pub(super) fn into_carrier(self) -> Carrier {
        self.carrier
    }
}

/// For somebody who has a word with the client before, or instead of, handing the connection over.
impl AsyncWrite for OutsideStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.carrier.poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier.poll_shutdown(cx)
    }
}

impl From<TcpStream> for OutsideStream {
    fn from(stream: TcpStream) -> Self {
        let peer = stream.peer_addr().ok();
        Self { carrier: Carrier::System(stream), peer, way_back: None }
    }
}

#[derive(Debug)]
pub(super) enum Carrier {
    System(TcpStream),
    Layered(Box<Layered>),
}

impl Carrier {
    /// Small packets go out at once: latency before packet count, as between instances. Who made a layer decides for
    /// what is below it.
    pub(super) fn prefer_latency(&self) {
        if let Self::System(stream) = self {
            // A stream that refuses is about to fail anyway.
            let _ = stream.set_nodelay(true);
        }
    }

    /// Ready when a read would give bytes, the end or an error.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::System(stream) => stream.poll_read_ready(cx).map(drop),
            Self::Layered(layered) => layered.poll_readable(cx),
        }
    }

    /// Bytes that were read ahead.
    pub(super) fn read_ahead(&self) -> usize {
        match self {
            Self::Layered(layered) => layered.read_ahead(),
            Self::System(_) => 0,
        }
    }

    /// Up to `size` bytes; none of them is the end.
    pub(super) fn read(&mut self, size: usize) -> io::Result<Bytes> {
        match self {
            Self::System(stream) => {
                let bytes = read_at_once(stream, size)?;
                // A short read must not keep a long buffer alive.
                let is_short = bytes.len() < size / 2;
                Ok(if is_short { Bytes::copy_from_slice(&bytes) } else { bytes.into() })
            }
            Self::Layered(layered) => layered.read(size),
        }
    }

    /// The same into `buffer`; says how many. Pending: who waits is woken up.
    pub(super) fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::System(stream) => {
                let before = buffer.filled().len();
                ready!(Pin::new(stream).poll_read(cx, buffer))?;
                Poll::Ready(Ok(buffer.filled().len().saturating_sub(before)))
            }
            Self::Layered(layered) => {
                ready!(layered.poll_readable(cx));
                let bytes = layered.read(buffer.remaining())?;
                buffer.put_slice(&bytes);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    /// Takes bytes from the front of `data`, and says how many. Whoever gets `WouldBlock` is not woken up.
    pub(super) fn try_write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::System(stream) => stream.try_write(data),
            Self::Layered(layered) => {
                match layered.as_pin().poll_write(&mut Context::from_waker(Waker::noop()), data) {
                    Poll::Ready(written) => written,
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::System(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Layered(layered) => layered.as_pin().poll_write(cx, data),
        }
    }

    /// Ready when nothing that was taken waits here for the operating system.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::System(_) => Poll::Ready(Ok(())),
            Self::Layered(layered) => layered.as_pin().poll_flush(cx),
        }
    }

    /// Tells the client that no more comes.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::System(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Layered(layered) => layered.as_pin().poll_shutdown(cx),
        }
    }

    /// As `poll_shutdown`, before a close. The close itself is enough for the operating system, but a layer may have
    /// something to say.
    pub(super) fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::System(_) => Poll::Ready(()),
            Self::Layered(_) => self.poll_shutdown(cx).map(drop),
        }
    }

    /// Ends the connection; the client sees a reset.
    pub(super) fn reset(self) {
        match &self {
            // With a linger time of zero the close that follows is a reset. It fails only when the client was faster.
            Self::System(stream) => drop(stream.set_zero_linger()),
            Self::Layered(layered) => layered.layer.reset_on_drop(),
        }
    }
}

/// Up to `size` bytes of what has come. A read that gets fewer than it asks for has got all there is: that is remembered,
/// so that the next one need not ask the operating system to find nothing.
#[cfg(unix)]
fn read_at_once(stream: &TcpStream, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size);
    let read = stream.try_io(Interest::READABLE, || {
        let length = rustix::io::read(stream, spare_capacity(&mut bytes))?;
        let is_all = 0 < length && length < size;
        if is_all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match read {
        Err(_) if !bytes.is_empty() => Ok(bytes),
        read => read.map(|()| bytes),
    }
}

/// Up to `size` bytes of what has come.
#[cfg(not(unix))]
fn read_at_once(stream: &TcpStream, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size);
    stream.try_read_buf(&mut bytes)?;
    Ok(bytes)
}

/// A layer with what was read ahead.
pub(super) struct Layered {
    layer: Pin<Box<dyn Layer>>,
    ahead: Ahead,
    reader: Arc<Reader>,
    /// Of `reader`; whatever the layer is read for, the same task waits.
    waker: Waker,
}

enum Ahead {
    Nothing,
    Bytes(Bytes),
    End,
    Failed(io::Error),
}

/// The task that waits for something to read.
#[derive(Default)]
struct Reader(Mutex<WakerSlot>);

impl Wake for Reader {
    fn wake(self: Arc<Self>) {
        let waiting = lock(&self.0).take();
        wake(waiting);
    }
}

impl Layered {
    fn read_ahead(&self) -> usize {
        match &self.ahead {
            Ahead::Bytes(bytes) => bytes.len(),
            Ahead::Nothing | Ahead::End | Ahead::Failed(_) => 0,
        }
    }

    fn new(layer: Pin<Box<dyn Layer>>) -> Self {
        let reader = Arc::<Reader>::default();
        Self { layer, ahead: Ahead::Nothing, waker: Arc::clone(&reader).into(), reader }
    }

    fn as_pin(&mut self) -> Pin<&mut dyn Layer> {
        self.layer.as_mut()
    }

    fn poll_readable(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Dropped after the lock: a waker may run anybody's code.
        let replaced = lock(&self.reader.0).register(cx);
        drop(replaced);
        self.poll_ahead()
    }

    fn read(&mut self, size: usize) -> io::Result<Bytes> {
        if self.poll_ahead().is_pending() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
            Ahead::Bytes(mut bytes) => {
                let taken = bytes.split_to(size.min(bytes.len()));
                if !bytes.is_empty() {
                    self.ahead = Ahead::Bytes(bytes);
                }
                Ok(taken)
            }
            Ahead::Failed(error) => Err(error),
            Ahead::Nothing | Ahead::End => {
                self.ahead = Ahead::End;
                Ok(Bytes::new())
            }
        }
    }

    /// Reads ahead if nothing is there.
    fn poll_ahead(&mut self) -> Poll<()> {
        if matches!(self.ahead, Ahead::Nothing) {
            // On the stack, so that a connection which waits keeps no buffer.
            let mut room = [const { MaybeUninit::uninit() }; AHEAD];
            let mut buffer = ReadBuf::uninit(&mut room);
            let mut cx = Context::from_waker(&self.waker);
            let (layer, waiting) = (self.layer.as_mut(), &mut buffer);
            self.ahead = match ready!(poll_read(layer, &mut cx, waiting)) {
                Ok(()) if buffer.filled().is_empty() => Ahead::End,
                Ok(()) => Ahead::Bytes(Bytes::copy_from_slice(buffer.filled())),
                Err(error) => Ahead::Failed(error),
            };
        }
        Poll::Ready(())
    }
}

/// Polls outside of tokio's budget, which whoever reads here has its own share of: a layer that is out of budget would wake
/// up the waiting task under the lock of its connection.
fn poll_read(
    mut layer: Pin<&mut dyn Layer>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let read = std::future::poll_fn(|cx| layer.as_mut().poll_read(cx, buffer));
    pin!(unconstrained(read)).poll(cx)
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").finish_non_exhaustive()
    }
}
