//! The stream of a connection, with the server looking on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasm_roles_virtual_network::TcpStream;

use super::link::Link;

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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
