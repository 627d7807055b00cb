//! The server itself: listening, reading requests, writing responses.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use wasm_roles_virtual_network::{Interface, NetError, TcpListener, TcpStream};
use wasmtime_wasi_http::{Error, WasiBody};

use super::answer::Requests;
use super::body::Lost;
use super::pace::Pacer;
use super::{Job, Secured};

/// Requests that have been read and wait for the instance. More than that wait in their connections.
const QUEUE: usize = 64;

/// Connections that wait to be accepted, for each port.
const BACKLOG: usize = 1024;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the last words may take after the instance is gone: the 502 of requests that it lost.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The web server of one incarnation. Dropping it closes its ports and cuts its connections.
pub(crate) struct WebServer {
    ports: JoinSet<()>,
    draining: watch::Sender<bool>,
    jobs: Option<mpsc::Receiver<Job>>,
    lost: Lost,
}

/// A port of the server cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the web server cannot listen on {address}: {error}")]
pub(crate) struct ListenError {
    address: SocketAddr,
    error: NetError,
}

impl WebServer {
    /// Listens on `ports` of the instance's own address.
    pub(crate) fn start(interface: &Interface, ports: &[NonZeroU16]) -> Result<Self, ListenError> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let draining = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for port in ports {
            let address = SocketAddr::from((interface.address(), port.get()));
            let listener = interface.bind(address).and_then(|bound| bound.listen(BACKLOG));
            let listener = listener.map_err(|error| ListenError { address, error })?;
            tasks.spawn(serve_port(listener, sender.clone(), draining.subscribe()));
        }
        Ok(Self { ports: tasks, draining, jobs: Some(jobs), lost: Lost::default() })
    }

    /// The instance's end of the queue. There is one; later calls get an empty, closed one.
    pub(crate) fn requests(&mut self, pacer: &Pacer) -> Requests {
        let jobs = self.jobs.take().unwrap_or_else(|| mpsc::channel(1).1);
        Requests { jobs, lost: self.lost.clone(), pacer: pacer.clone() }
    }

    /// No new connections and no new requests; those under way are finished, then the queue closes.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// The store is gone: bodies that still stream from it are not complete.
    pub(crate) fn store_is_lost(&self) {
        self.lost.set();
    }

    /// Closes the server, and leaves a moment for answers that are already known.
    pub(crate) async fn close(mut self) {
        self.drain();
        let ended = async { while self.ports.join_next().await.is_some() {} };
        // Whoever is not done by then is cut off when the tasks are dropped.
        let _ = tokio::time::timeout(LAST_WORDS, ended).await;
    }
}

async fn serve_port(listener: TcpListener, jobs: mpsc::Sender<Job>, draining: watch::Receiver<bool>) {
    let mut stop = draining.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|draining| *draining) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    connections.spawn(serve_connection(stream, jobs.clone(), draining.clone()));
                }
                // The interface has failed or was detached; connections that are open may still end well.
                Err(_) => break,
            },
        }
    }
    drop((listener, jobs));
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(stream: TcpStream, jobs: mpsc::Sender<Job>, mut draining: watch::Receiver<bool>) {
    let (jobs, secured) = (Arc::new(jobs), stream.is_secured().then_some(Secured));
    let service = service_fn(|mut request| {
        let jobs = Arc::clone(&jobs);
        secured.map(|secured| request.extensions_mut().insert(secured));
        async move { Ok::<_, Infallible>(respond(&jobs, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A connection that breaks concerns its client alone; there is nobody else to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = draining.wait_for(|draining| *draining) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn respond(jobs: &mpsc::Sender<Job>, request: Request<Incoming>) -> Response<WasiBody> {
    if request.headers().get(header::HOST).is_none() && request.uri().authority().is_none() {
        return plain(StatusCode::BAD_REQUEST, "the request names no host\n");
    }
    let (reply, answer) = oneshot::channel();
    let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
    if jobs.send(Job { request, reply }).await.is_err() {
        return plain(StatusCode::BAD_GATEWAY, "the role instance is gone\n");
    }
    match answer.await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", refusal.0)),
        Err(_) => plain(StatusCode::BAD_GATEWAY, "the role instance ended before it had answered\n"),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<WasiBody> {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
