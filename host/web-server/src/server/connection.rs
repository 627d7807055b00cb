//! One connection, from its first byte to its last.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};
use wasm_roles_virtual_network::TcpStream;

use super::Shared;
use super::drain::Stage;
use super::link::{Link, Order};
use super::refusal::HEAD_TIMED_OUT;
use super::respond::respond;
use super::room::Room;
use super::watched::Watched;
use crate::Application;

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the client has to close its side after the server has closed the other. Until then what it sends is
/// read and thrown away: a connection that is dropped with something unread is reset, and the client could lose the
/// response that it has not read yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long an idle HTTP/2 connection waits for its client to confirm that it knows of the end (RFC 9113, section
/// 6.8). Who has not done so by then does without.
const GOODBYE: Duration = Duration::from_secs(5);

/// What is read of a client at most after the last response.
const FAREWELL_BYTES: usize = 4 << 20;

/// Bytes that one stream of HTTP/2 has ready to send.
const SEND_BUFFER: usize = 32 * 1024;

/// How a connection ended.
enum Ended {
    /// Both sides are done with it, or the client has broken it.
    Done,
    /// The head of a request came too slowly.
    TimedOut,
    /// It is to be cut off.
    Cut,
}

/// Serves a connection until it is closed.
pub(super) async fn serve<A: Application>(
    stream: TcpStream,
    link: Arc<Link>,
    room: Room,
    shared: Arc<Shared<A>>,
) {
    let mut stream = stream;
    let ended = match tell_apart(&mut stream, &link).await {
        Ok((Version::Http1, ahead)) => {
            http1(Watched::new(stream, ahead, Arc::clone(&link)), &link, shared).await
        }
        Ok((Version::Http2, ahead)) => {
            let Some(_windows) = room.more(2 * u64::from(shared.options.limits.http2_window)) else {
                return; // there is no memory for it; its client sees the end of the connection
            };
            http2(Watched::new(stream, ahead, Arc::clone(&link)), &link, shared).await
        }
        Err(ended) => {
            link.give_back(stream);
            ended
        }
    };
    let Some(stream) = link.take_back() else { return };
    link.close();
    match ended {
        Ended::Done => {}
        Ended::TimedOut => {
            // One try: who has not read what fits into the buffers did not want to.
            let _ = stream.try_write(&mut Bytes::from_static(HEAD_TIMED_OUT));
        }
        Ended::Cut => return stream.reset(),
    }
    farewell(stream, &link).await;
}

enum Version {
    Http1,
    Http2,
}

/// Reads until it is clear which of the two it is. Returns what was read.
async fn tell_apart(stream: &mut TcpStream, link: &Link) -> Result<(Version, Bytes), Ended> {
    let mut ahead = BytesMut::new();
    poll_fn(|cx| {
        loop {
            let missing = PREFACE.len().saturating_sub(ahead.len());
            match stream.try_read(missing) {
                Ok(Some(bytes)) if bytes.is_empty() => return Poll::Ready(Err(Ended::Done)),
                Ok(Some(bytes)) => {
                    link.received();
                    ahead.extend_from_slice(&bytes);
                    if !PREFACE.starts_with(&ahead) {
                        return Poll::Ready(Ok((Version::Http1, std::mem::take(&mut ahead).freeze())));
                    }
                    if ahead.len() == PREFACE.len() {
                        return Poll::Ready(Ok((Version::Http2, std::mem::take(&mut ahead).freeze())));
                    }
                }
                Ok(None) => {
                    if let Poll::Ready(order) = link.poll_order(cx) {
                        return Poll::Ready(Err(ended_by(order)));
                    }
                    std::task::ready!(stream.poll_readable(cx));
                }
                Err(_) => return Poll::Ready(Err(Ended::Done)),
            }
        }
    })
    .await
}

fn ended_by(order: Order) -> Ended {
    match order {
        Order::Finish => Ended::Done,
        Order::TimedOut => Ended::TimedOut,
        Order::Cut => Ended::Cut,
    }
}

async fn http1<A: Application>(io: Watched, link: &Arc<Link>, shared: Arc<Shared<A>>) -> Ended {
    let limits = &shared.options.limits;
    let service = service_fn(|request| respond(Arc::clone(&shared), Arc::clone(link), request));
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes.max(8_192))
        .max_buf_size(limits.head_bytes.max(8_192))
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|cx| {
        let order = link.poll_order(cx);
        // First the connection: a request that is here already is answered, whatever the order is. A connection that
        // breaks concerns its client alone; there is nobody else to tell.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Done);
        }
        match order {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Order::Cut) => Poll::Ready(Ended::Cut),
            Poll::Ready(Order::TimedOut) if link.reads_a_head() => Poll::Ready(Ended::TimedOut),
            // hyper does not end while somebody may still read the request's body, and the application may keep one
            // for ever. The response is with the client; nothing is lost.
            Poll::Ready(_) if told && link.idle_since().is_some() => Poll::Ready(Ended::Done),
            Poll::Ready(_) if link.idle_since().is_some() => {
                told = true;
                connection.as_mut().graceful_shutdown();
                cx.waker().wake_by_ref(); // to be registered for the next order
                connection.as_mut().poll(cx).map(|_| Ended::Done)
            }
            Poll::Ready(_) => {
                cx.waker().wake_by_ref(); // to be registered for the next order
                Poll::Pending
            }
        }
    })
    .await
}

async fn http2<A: Application>(io: Watched, link: &Arc<Link>, shared: Arc<Shared<A>>) -> Ended {
    link.speaks_http2();
    let limits = &shared.options.limits;
    let streams = Streams::default();
    let service = service_fn(|request| respond(Arc::clone(&shared), Arc::clone(link), request));
    let connection = http2::Builder::new(streams.clone())
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(limits.http2_window)
        .initial_connection_window_size(limits.http2_window)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.http2_silence)
        .keep_alive_timeout(limits.http2_silence)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut running = FuturesUnordered::new();
    let mut draining = pin!(shared.drain.reached(Stage::Draining));
    let mut told = None;
    let mut goodbye = None;
    poll_fn(|cx| {
        let order = link.poll_order(cx);
        if matches!(order, Poll::Ready(Order::Cut)) {
            return Poll::Ready(Ended::Cut);
        }
        if told.is_none() && (order.is_ready() || draining.as_mut().poll(cx).is_ready()) {
            told = Some(Instant::now());
            connection.as_mut().graceful_shutdown();
        }
        if order.is_ready() {
            cx.waker().wake_by_ref(); // to be registered for the next order
        }
        loop {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ended::Done);
            }
            let new = streams.take();
            let none = new.is_empty();
            running.extend(new);
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            if none {
                break;
            }
        }
        let Some((idle, told)) = link.idle_since().zip(told) else {
            goodbye = None;
            return Poll::Pending;
        };
        if order.is_ready() && shared.drain.stage() == Stage::Hurrying {
            return Poll::Ready(Ended::Done);
        }
        let due = idle.max(told) + GOODBYE;
        let goodbye = goodbye.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if goodbye.deadline() != due {
            goodbye.as_mut().reset(due);
        }
        goodbye.as_mut().poll(cx).map(|()| Ended::Done)
    })
    .await
}

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The streams that a connection of HTTP/2 has begun. They are polled where the connection is, and end with it.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<Vec<Stream>>>);

impl Streams {
    fn take(&self) -> Vec<Stream> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(stream));
    }
}

/// Closes the connection so that the client gets what was written.
async fn farewell(stream: TcpStream, link: &Link) {
    stream.shutdown_write();
    let mut left = FAREWELL_BYTES;
    let read = poll_fn(|cx: &mut Context<'_>| {
        if let Poll::Ready(Order::Cut) = link.poll_order(cx) {
            return Poll::Ready(());
        }
        while left > 0 {
            match stream.try_read(left.min(64 * 1024)) {
                Ok(Some(bytes)) if bytes.is_empty() => return Poll::Ready(()),
                Ok(Some(bytes)) => left = left.saturating_sub(bytes.len()),
                Ok(None) => std::task::ready!(stream.poll_readable(cx)),
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    });
    // Who has not closed by then is cut off.
    let _ = timeout(FAREWELL, read).await;
}
