//! A stream whose TLS ends here: of the operating system, or of an instance that goes to its own deployment's public side.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use wasm_roles_virtual_network::{self as virtual_network, Layer};

/// What TLS lies on.
pub(crate) trait Below: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the drop that follows a reset.
    fn reset_on_drop(&self);
}

impl Below for TcpStream {
    fn reset_on_drop(&self) {
        // With a linger time of zero the close that follows is a reset. It fails only when the client was faster.
        let _ = self.set_zero_linger();
    }
}

impl Below for virtual_network::TcpStream {
    fn reset_on_drop(&self) {
        self.reset();
    }
}

/// After the handshake.
pub(super) struct EndedTls<S>(pub(super) TlsStream<S>);

impl<S: Below> Layer for EndedTls<S> {
    fn reset_on_drop(&self) {
        self.0.get_ref().0.reset_on_drop();
    }
}

impl<S: Below> AsyncRead for EndedTls<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: Below> AsyncWrite for EndedTls<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
