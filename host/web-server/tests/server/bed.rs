//! A server on 10.0.0.5:7000 and a role inside on 10.0.0.4 that talks to it; clients outside come by hand-over.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, HandOverOptions, Interface, InterfaceLimits, Layer, MemoryBudget,
    Network, Observer, OutsideStream, Policy, PortRange, TcpStream, Transports,
};
use wasm_roles_web_server::{
    AccessLog, AccessLogFormat, AccessLogSink, Application, BoxError, Drain, RequestBody, Server,
    ServerOptions, Ticket, WebLimits,
};

pub const PORT: NonZeroU16 = NonZeroU16::new(7000).unwrap();
/// Bytes of the response of `/large`, in one piece: more than a connection buffers.
pub const LARGE: usize = 4 << 20;
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
pub const OUTSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 50_000);

pub struct Bed {
    pub client: Interface,
    pub server: Interface,
    pub drain: Drain,
    pub serving: JoinHandle<()>,
    pub lines: Lines,
    pub memory: Arc<MemoryBudget>,
}

/// What the access log has said.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl AccessLogSink for Lines {
    fn line(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

struct Silent;

impl Observer for Silent {
    fn denied(&self, _: &Denial) {}
}

impl Bed {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A bed whose server has other limits than usual.
    pub fn with(adjust: impl FnOnce(&mut WebLimits)) -> Self {
        Self::with_memory(MemoryBudget::unlimited(), adjust)
    }

    pub fn with_memory(memory: MemoryBudget, adjust: impl FnOnce(&mut WebLimits)) -> Self {
        let mut policy = Policy::builder();
        let role = policy.role("Web");
        let grant = EndpointGrant {
            name: "Http".to_owned(),
            transports: Transports::Tcp,
            ports: PortRange::single(PORT),
            audience: Audience::Deployment,
        };
        policy.endpoint(role, grant);
        policy.instance(role, "Web_IN_0", 0, SERVER);
        policy.instance(role, "Web_IN_1", 1, Ipv4Addr::new(10, 0, 0, 4));
        let network = Network::new(Arc::new(policy.build().unwrap()), Arc::new(Silent));
        let memory = Arc::new(memory);
        let limits = InterfaceLimits::default().with_memory(Arc::clone(&memory));
        let server = network.attach_at_with(SERVER, limits).unwrap();
        let client = network.attach_at(Ipv4Addr::new(10, 0, 0, 4)).unwrap();
        let (lines, mut limits) = (Lines::default(), WebLimits::default());
        adjust(&mut limits);
        let begun = tokio::time::Instant::now();
        let options = ServerOptions {
            sites: Arc::default(),
            limits,
            access_log: Some(AccessLog { format: AccessLogFormat::Combined, sink: Arc::new(lines.clone()) }),
            clock: Arc::new(move || Duration::from_secs(784_111_777) + begun.elapsed()),
            seed: [7; 32],
        };
        let web = Server::listen(&server, &[PORT], Guest, options).unwrap();
        let drain = web.drain();
        Self { client, server, drain, serving: tokio::spawn(web.serve()), lines, memory }
    }

    /// A connection of the role inside.
    pub async fn connect(&self) -> TcpStream {
        self.client.connect((SERVER, PORT.get()).into()).unwrap().await.unwrap()
    }

    /// A connection of a client outside, 203.0.113.7.
    pub fn connect_outside(&self, secured: bool) -> DuplexStream {
        let (client, pipe) = tokio::io::duplex(64 * 1024);
        let options = HandOverOptions::default().with_secured(secured);
        self.server.hand_over_with(PORT, OutsideStream::layered(Pipe(pipe), OUTSIDE), options).unwrap();
        client
    }

    /// Sends bytes on a connection of its own and returns everything that comes until the server closes.
    pub async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        everything(&mut stream).await
    }

    /// The status of a usual request on a new connection.
    pub async fn still_answers(&self) {
        let response = self.say("GET / HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("hello"), "{response}");
    }
}

/// What comes until the other side closes; it must do so in order.
pub async fn everything(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    String::from_utf8(all).unwrap()
}

/// Reads one response with a length.
pub async fn response(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    loop {
        all.push(
            stream
                .read_u8()
                .await
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&all))),
        );
        if all.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(all).unwrap().to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// A stream with nothing on it, which is taken for one of the host.
struct Pipe(DuplexStream);

impl Layer for Pipe {
    fn reset_on_drop(&self) {}
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What answers: the path says how.
struct Guest;

type Body = UnsyncBoxBody<Bytes, BoxError>;

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

impl Application for Guest {
    type Body = Body;

    async fn answer(&self, request: Request<RequestBody>, ticket: Ticket) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path == "/queued" {
            return std::future::pending().await;
        }
        assert!(ticket.begin());
        let (parts, body) = request.into_parts();
        match path.as_str() {
            "/never" => std::future::pending().await,
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Response::new(full("slow"))
            }
            "/large" => Response::new(full(vec![b'x'; LARGE])),
            "/keeps" => {
                tokio::spawn(async move {
                    let _kept = body;
                    std::future::pending::<()>().await;
                });
                Response::new(full("kept"))
            }
            "/echo" => Response::new(body.map_err(Into::into).boxed_unsync()),
            "/late" => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                let read = body.collect().await.map(|body| body.to_bytes().len());
                Response::new(full(format!("{read:?}")))
            }
            "/read" => Response::new(match body.collect().await {
                Ok(body) => {
                    let trailers = body.trailers().cloned();
                    full(format!(
                        "{} bytes, trailers {:?}",
                        body.to_bytes().len(),
                        trailers.unwrap_or_default()
                    ))
                }
                Err(error) => full(format!("no body: {error}")),
            }),
            "/headers" => {
                let mut lines: Vec<_> = parts
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                    .collect();
                lines.sort();
                Response::new(full(format!(
                    "{} {} {:?}\n{}",
                    parts.method,
                    parts.uri,
                    parts.version,
                    lines.concat()
                )))
            }
            "/endless" => {
                let chunk = || Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])));
                Response::new(StreamBody::new(futures_util::stream::repeat_with(chunk)).boxed_unsync())
            }
            "/broken" => {
                let frames =
                    [Ok(Frame::data(Bytes::from_static(b"half a"))), Err("the store is lost".into())];
                Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
            }
            "/trailers" => {
                let trailers = HeaderMap::from_iter([(
                    http::HeaderName::from_static("checksum"),
                    HeaderValue::from_static("abc"),
                )]);
                let frames = [
                    Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"text"))),
                    Ok(Frame::trailers(trailers)),
                ];
                let mut response =
                    Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync());
                response.headers_mut().insert("trailer", HeaderValue::from_static("checksum"));
                response
            }
            "/interim" => {
                let mut response = Response::new(full(""));
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                response
            }
            "/wrong-length" => {
                let mut response = Response::new(full("longer than three"));
                response.headers_mut().insert("content-length", HeaderValue::from_static("3"));
                response
            }
            _ => Response::new(full("hello")),
        }
    }
}
