//! Servers that guests ask.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use wasm_roles_virtual_network::{Interface, TcpStream};

/// Bytes that `/big` gives.
pub const BIG: usize = 24 << 20;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What the server saw.
#[derive(Default)]
pub struct Seen {
    /// A request for `/hung`, or one that is refused, has come.
    pub arrived: Notify,
    /// The answer of `/endless` or `/hung` was dropped: its client has gone.
    pub left: Notify,
}

/// Serves HTTP on a port of an instance.
pub fn serve(interface: &Interface, port: u16) -> Arc<Seen> {
    let listener = interface.bind((interface.address(), port).into()).unwrap().listen(1024).unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            tokio::spawn(speak(stream, Arc::clone(&shared)));
        }
    });
    seen
}

/// Serves HTTPS on a port of an instance.
pub fn serve_tls(interface: &Interface, port: u16, acceptor: TlsAcceptor) {
    let listener = interface.bind((interface.address(), port).into()).unwrap().listen(16).unwrap();
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not like the certificate ends the handshake.
                if let Ok(stream) = acceptor.accept(stream).await {
                    speak(stream, Arc::default()).await;
                }
            });
        }
    });
}

/// Serves HTTP on a port of the host.
pub async fn serve_outside() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(speak(stream, Arc::default()));
        }
    });
    address
}

/// Answers every connection with these bytes when the head of a request has come, and closes.
pub fn serve_bytes(interface: &Interface, port: u16, answer: &'static [u8]) {
    let listener = interface.bind((interface.address(), port).into()).unwrap().listen(16).unwrap();
    tokio::spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            read_head(&mut stream).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
}

/// Refuses every request when its head has come, and neither reads on nor closes.
pub fn serve_refusals(interface: &Interface, port: u16) -> Arc<Seen> {
    let listener = interface.bind((interface.address(), port).into()).unwrap().listen(16).unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok(mut stream) = listener.accept().await {
            read_head(&mut stream).await;
            let refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(refusal).await.unwrap();
            kept.push(stream);
            shared.arrived.notify_one();
        }
    });
    seen
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Arc<Seen>) {
    let service = service_fn(move |request| {
        let seen = Arc::clone(&seen);
        async move { Ok::<_, Infallible>(answer(request, seen).await) }
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A client that leaves is no concern of the server's.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
    match parts.uri.path() {
        "/hello" => text("hello"),
        "/host" => text(&host.or(parts.uri.authority().map(ToString::to_string)).unwrap_or_default()),
        "/version" if parts.version == Version::HTTP_2 => text("2"),
        "/version" => text("1.1"),
        "/redirect" => {
            let mut response = text("there");
            *response.status_mut() = http::StatusCode::FOUND;
            response.headers_mut().insert("location", HeaderValue::from_static("/hello"));
            response
        }
        "/big" => Response::new(parts_of_big()),
        "/count" => text(&count(body).await.to_string()),
        "/trailers" => trailers(body).await,
        "/silent" => std::future::pending().await,
        "/stall" => Response::new(endless(None)),
        "/endless" => Response::new(endless(Some(seen))),
        "/left" => {
            seen.left.notified().await;
            text("left")
        }
        "/hung" => {
            seen.arrived.notify_one();
            let _leaves = Leaves(seen);
            std::future::pending().await
        }
        _ => text("what?"),
    }
}

fn text(text: &str) -> Response<Body> {
    Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync())
}

fn parts_of_big() -> Body {
    let part = Bytes::from(vec![b'b'; 1 << 16]);
    let parts = stream::iter(0..BIG >> 16).map(move |_| Ok(Frame::data(part.clone())));
    StreamBody::new(parts).boxed_unsync()
}

async fn count(mut body: Incoming) -> usize {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    bytes
}

/// Gives back the trailer `x-sent` as `x-got`.
async fn trailers(body: Incoming) -> Response<Body> {
    let collected = body.collect().await.unwrap();
    let sent = collected.trailers().and_then(|trailers| trailers.get("x-sent").cloned());
    let mut trailers = HeaderMap::new();
    trailers.insert("x-got", sent.unwrap_or_else(|| HeaderValue::from_static("nothing")));
    let frames = [Frame::data(collected.to_bytes()), Frame::trailers(trailers)].map(Ok);
    let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    response.headers_mut().insert("trailer", HeaderValue::from_static("x-got"));
    response
}

/// One part, and then either nothing for ever, or more for ever until somebody has `seen` that the client left.
fn endless(seen: Option<Arc<Seen>>) -> Body {
    let part = Bytes::from_static(b"part of it");
    match seen {
        None => {
            let parts = stream::iter([Ok(Frame::data(part))]).chain(stream::pending());
            StreamBody::new(parts).boxed_unsync()
        }
        Some(seen) => {
            let leaves = Leaves(seen);
            let parts = stream::repeat(part).map(move |part| {
                let _held = &leaves;
                Ok(Frame::data(part))
            });
            StreamBody::new(parts).boxed_unsync()
        }
    }
}

struct Leaves(Arc<Seen>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}
