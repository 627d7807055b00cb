//! The stream of a connection, with the server looking on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasm_roles_virtual_network::TcpStream;

use super::link::Link;

/// Bytes of several pieces that are written at once at most.
const JOINED: usize = 16 * 1024;

/// A stream that tells its link what it does, and goes back there when it is dropped.
pub(super) struct Watched {
    /// Always there until it is dropped.
    stream: Option<TcpStream>,
    link: Arc<Link>,
    /// What was read already.
    ahead: Bytes,
    blocked: bool,
}

impl Watched {
    /// `ahead` was read from the stream before.
    pub(super) fn new(stream: TcpStream, ahead: Bytes, link: Arc<Link>) -> Self {
        Self { stream: Some(stream), link, ahead, blocked: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.link.give_back(stream);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let fitting = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(self.ahead.get(..fitting).unwrap_or_default());
            self.ahead.advance(fitting);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = self.stream()?.poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.link.received();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.stream()?.poll_write(cx, data);
        match &polled {
            Poll::Pending if !self.blocked => {
                self.blocked = true;
                self.link.blocked();
            }
            Poll::Ready(Ok(bytes)) if self.blocked => {
                self.blocked = false;
                self.link.unblocked(*bytes);
            }
            _ => {}
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What is small goes out in one piece with the next one; what is large goes as it is.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        let Some(first) = filled.next() else { return self.poll_write(cx, &[]) };
        let rest: usize = filled.clone().map(|slice| slice.len()).sum();
        if first.len() >= JOINED || rest == 0 {
            return self.poll_write(cx, first);
        }
        let mut joined = Vec::with_capacity(first.len().saturating_add(rest).min(JOINED));
        joined.extend_from_slice(first);
        for slice in filled {
            let room = JOINED.saturating_sub(joined.len());
            joined.extend_from_slice(slice.get(..room.min(slice.len())).unwrap_or_default());
        }
        self.poll_write(cx, &joined)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
