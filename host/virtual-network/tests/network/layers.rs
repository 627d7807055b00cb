//! Connections from outside with a layer on them, such as the end of TLS. Here it is a pipe that holds only a few bytes, so
//! that everything has to wait.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::{Instant, sleep};
use wasm_roles_virtual_network::{
    HandOver, HandOverOptions, InterfaceLimits, Layer, MemoryBudget, NetError, OutsideStream, TcpStream,
};

use crate::bed::{Bed, PORT, SERVER, at, index, read, write_all};

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 4000);

/// A layer that keeps what it is given until it is flushed, as TLS may.
struct Lazy {
    pipe: DuplexStream,
    kept: Vec<u8>,
    was_reset: Arc<AtomicBool>,
}

impl Layer for Lazy {
    fn reset_on_drop(&self) {
        self.was_reset.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for Lazy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lazy {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.kept.len() >= 100 && self.as_mut().poll_flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        let taken = data.len().min(100);
        self.kept.extend_from_slice(&data[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.kept.is_empty() {
            let sent = std::task::ready!(Pin::new(&mut this.pipe).poll_write(cx, &this.kept))?;
            this.kept.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

struct Pair {
    client: DuplexStream,
    served: TcpStream,
    was_reset: Arc<AtomicBool>,
    bed: Bed,
}

async fn pair_with(options: HandOverOptions) -> Pair {
    let bed = Bed::new();
    let (client, pipe) = tokio::io::duplex(64);
    let was_reset = Arc::<AtomicBool>::default();
    let layer = Lazy { pipe, kept: Vec::new(), was_reset: was_reset.clone() };
    let listener = bed.listen(1);
    bed.server.hand_over_with(PORT, OutsideStream::layered(layer, CLIENT), options).unwrap();
    let served = listener.accept().await.unwrap();
    Pair { client, served, was_reset, bed }
}

async fn pair() -> Pair {
    pair_with(HandOverOptions::default()).await
}

#[tokio::test]
async fn the_instance_sees_the_client_and_whether_it_came_encrypted() {
    for secured in [false, true] {
        let pair = pair_with(HandOverOptions::default().with_secured(secured)).await;
        assert_eq!((pair.served.peer_address(), pair.served.is_secured()), (CLIENT, secured));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_goes_out_whoever_flushes_the_layer_even_after_a_close() {
    let Pair { mut client, served, was_reset, bed: _bed } = pair().await;
    let data: Vec<u8> = (0..50_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    assert_eq!(served.try_write(&mut data.clone().into()).unwrap(), data.len(), "the tail takes the rest");
    drop(served);
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    assert!(read == data, "{} bytes", read.len());
    assert!(!was_reset.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_keeps_counts_as_not_flushed() {
    let Pair { mut client, mut served, was_reset: _, bed: _bed } = pair().await;
    served.write_all(&[7; 90]).await.unwrap();
    let mut flush = std::pin::pin!(served.flush());
    let waited = tokio::time::timeout(Duration::from_secs(1), flush.as_mut()).await;
    assert!(waited.is_err(), "64 of 90 bytes are in the pipe");
    client.read_exact(&mut [0; 90]).await.unwrap();
    flush.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken_up_and_reads_to_the_end() {
    let Pair { mut client, served, was_reset: _, bed: _bed } = pair().await;
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        loop {
            let chunk = read(&served).await.unwrap();
            if chunk.is_empty() {
                return (all, served);
            }
            all.extend_from_slice(&chunk);
        }
    });
    for byte in 0..200 {
        sleep(Duration::from_millis(1)).await;
        client.write_all(&[byte; 10]).await.unwrap();
    }
    client.shutdown().await.unwrap();
    let (all, served) = reading.await.unwrap();
    assert_eq!(all.len(), 2000);
    write_all(&served, &b"still open"[..]).await.unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"still open");
}

#[tokio::test(start_paused = true)]
async fn the_end_that_the_instance_sends_comes_after_everything_else() {
    let Pair { mut client, served, was_reset: _, bed: _bed } = pair().await;
    write_all(&served, vec![7; 1000]).await.unwrap();
    served.shutdown_write();
    assert_eq!(served.write_budget(), Err(NetError::ConnectionBroken));
    let mut read_all = Vec::new();
    client.read_to_end(&mut read_all).await.unwrap();
    assert_eq!(read_all, [7; 1000]);
    client.write_all(b"thanks").await.unwrap();
    assert_eq!(read(&served).await.unwrap(), "thanks");
}

#[tokio::test(start_paused = true)]
async fn a_reset_reaches_what_is_below_the_layer() {
    let Pair { client: _client, served, was_reset, bed: _bed } = pair().await;
    served.reset();
    assert!(was_reset.load(Ordering::Relaxed));

    let Pair { client: _client, served, was_reset, bed } = pair().await;
    bed.server.fail();
    assert!(was_reset.load(Ordering::Relaxed));
    assert_eq!(read(&served).await, Err(NetError::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_keeps_a_closed_connection_for_a_while_only() {
    let Pair { client, served, was_reset, bed: _bed } = pair().await;
    let begun = Instant::now();
    assert_eq!(served.try_write(&mut vec![7; 1000].into()).unwrap(), 1000);
    drop(served);
    while !was_reset.load(Ordering::Relaxed) {
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    drop(client);
}

#[tokio::test]
async fn a_layered_connection_that_nobody_takes_comes_back_as_it_was() {
    let bed = Bed::new();
    let (mut client, pipe) = tokio::io::duplex(64);
    let layer = Lazy { pipe, kept: Vec::new(), was_reset: Arc::default() };
    let refused = bed.server.hand_over(PORT, OutsideStream::layered(layer, CLIENT)).unwrap_err();
    let HandOver::NotListening(mut stream) = refused else { panic!("nobody listens") };
    assert_eq!(stream.peer(), Some(CLIENT));
    stream.write_all(b"sorry").await.unwrap();
    stream.flush().await.unwrap();
    let mut word = [0; 5];
    client.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"sorry");
}

#[tokio::test]
async fn what_was_read_ahead_is_the_instances_memory() {
    let (bed, budget) = (Bed::new(), Arc::new(MemoryBudget::new(64 << 20)));
    bed.server.detach();
    let limits = InterfaceLimits::default().with_memory(budget.clone());
    let server = bed.network.attach_with(index(&bed.network, SERVER), limits).unwrap();
    let listener = server.bind(at(SERVER, PORT.get())).unwrap().listen(1).unwrap();
    let (mut client, pipe) = tokio::io::duplex(64 * 1024);
    let layer = Lazy { pipe, kept: Vec::new(), was_reset: Arc::default() };
    server.hand_over(PORT, OutsideStream::layered(layer, CLIENT)).unwrap();
    let served = listener.accept().await.unwrap();
    client.write_all(&[7; 64 * 1024]).await.unwrap();
    std::future::poll_fn(|cx| served.poll_readable(cx)).await;
    assert_eq!(budget.used(), 16 * 1024);
    assert_eq!(read(&served).await.unwrap().len(), 16 * 1024);
    assert_eq!(budget.used(), 0);
    std::future::poll_fn(|cx| served.poll_readable(cx)).await;
    drop(served);
    assert_eq!(budget.used(), 0);
}
