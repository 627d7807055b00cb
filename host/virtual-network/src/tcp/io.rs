//! A stream as tokio's reader and writer, for libraries such as hyper.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

use super::stream::{End, TcpStream};

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A peer in memory can always be ready; without a budget it would keep its task on the thread for
        // ever.
        let budget = ready!(coop::poll_proceed(cx));
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match &self.end {
            End::Memory(end) => loop {
                if let Some(chunk) = end.incoming().read(buffer.remaining())? {
                    buffer.put_slice(&chunk);
                    break;
                }
                ready!(self.poll_readable(cx));
            },
            End::System(end) => {
                let before = buffer.filled().len();
                ready!(end.poll_read_into(cx, buffer))?;
                let data = buffer.filled().get(before..).unwrap_or_default();
                self.watch().inspect(|watched| watched.read_slice(data));
            }
        }
        budget.made_progress();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let budget = ready!(coop::poll_proceed(cx));
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let room = self.write_budget()?;
            let taken = match &self.end {
                _ if room == 0 => 0,
                End::Memory(end) => {
                    let fitting = data.get(..room.min(data.len())).unwrap_or_default();
                    end.write(&mut Bytes::copy_from_slice(fitting))?
                }
                End::System(end) => {
                    let taken = end.write(data)?;
                    let data = data.get(..taken).unwrap_or_default();
                    self.watch().inspect(|watched| watched.wrote_slice(data));
                    taken
                }
            };
            if taken > 0 {
                budget.made_progress();
                return Poll::Ready(Ok(taken));
            }
            ready!(self.poll_writable(cx));
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flushed(cx).map(Ok)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown_write();
        self.poll_flushed(cx).map(Ok)
    }
}
