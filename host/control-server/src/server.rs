//! Listening, accepting, and the end.

use std::convert::Infallible;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::arrivals::{Arrival, Arrivals};
use crate::door::{Turnstile, Way};
use crate::limits::ServerLimits;
use crate::listen::ListenError;
use crate::metrics::Requests;
use crate::operator::Operator;
use crate::requests::Desk;
#[cfg(unix)]
use crate::socket::UserSocket;
use crate::stall::Impatient;
use crate::tokens::TokenFile;

/// The wait after the operating system has refused a connection: mostly it has no more descriptors.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);
/// The most bytes of a request's head.
const LARGEST_HEAD: usize = 32 << 10;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;

/// Serves an operator. It listens from [`unix`](Self::unix) and [`tcp`](Self::tcp) on, and answers while
/// [`serve`](Self::serve) runs.
pub struct Server<O> {
    operator: O,
    limits: ServerLimits,
    #[cfg(unix)]
    sockets: Vec<UserSocket>,
    ports: Vec<(TcpListener, Way)>,
}

impl<O: Operator> Server<O> {
    /// A server that does not listen yet.
    pub const fn new(operator: O, limits: ServerLimits) -> Self {
        Self {
            operator,
            limits,
            #[cfg(unix)]
            sockets: Vec::new(),
            ports: Vec::new(),
        }
    }

    /// Listens on a Unix socket of mode 0600. Its folder must be the user's alone (mode 0700), and is made so if it is not there. Only
    /// programs of the same user may ask; they are the host's owner. The file goes when the server goes.
    ///
    /// # Errors
    ///
    /// See [`ListenError`]. A socket that another program serves is left alone.
    #[cfg(unix)]
    pub fn unix(&mut self, path: &Path) -> Result<(), ListenError> {
        self.sockets.push(UserSocket::bind(path)?);
        Ok(())
    }

    /// Listens on TCP for those who have a token, and gives the address with the port that it has. There is no TLS: it is for this
    /// machine, and for tunnels to it.
    ///
    /// # Errors
    ///
    /// See [`ListenError`].
    pub async fn tcp(&mut self, at: SocketAddr, tokens: TokenFile) -> Result<SocketAddr, ListenError> {
        self.listen(at, Way::Tcp(tokens)).await
    }

    /// Listens on TCP for those who read the metrics, those of all tenants, and gives the address with the port that it has. Whoever
    /// reaches it may read them; nothing else is answered there.
    ///
    /// # Errors
    ///
    /// See [`ListenError`].
    pub async fn metrics(&mut self, at: SocketAddr) -> Result<SocketAddr, ListenError> {
        self.listen(at, Way::Metrics).await
    }

    async fn listen(&mut self, at: SocketAddr, way: Way) -> Result<SocketAddr, ListenError> {
        let failed = |source| ListenError::Address { at, source };
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        self.ports.push((listener, way));
        Ok(at)
    }

    /// Answers until `stop`. Then nothing more is accepted, streams are told that the host stops, requests have
    /// [`stop_time`](ServerLimits::stop_time) to end, and what is left is cut off.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let (tell_stopping, stopping) = watch::channel(false);
        let desk = Desk {
            operator: self.operator,
            limits: self.limits,
            turnstile: Turnstile::default(),
            requests: Requests::default(),
            stopping,
        };
        let mut listeners = JoinSet::new();
        #[cfg(unix)]
        for socket in self.sockets {
            listeners.spawn(listen(socket, desk.clone()));
        }
        for port in self.ports {
            listeners.spawn(listen(port, desk.clone()));
        }
        stop.await;
        tell_stopping.send_replace(true);
        while listeners.join_next().await.is_some() {}
    }
}

/// Where connections come from.
trait Listener: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next one. It can be dropped while it waits.
    fn accept(&self) -> impl Future<Output = std::io::Result<(Self::Stream, Way)>> + Send;
}

#[cfg(unix)]
impl Listener for UserSocket {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> std::io::Result<(Self::Stream, Way)> {
        let (stream, owner) = self.next_connection().await?;
        Ok((stream, Way::Socket { owner }))
    }
}

impl Listener for (TcpListener, Way) {
    type Stream = TcpStream;

    async fn accept(&self) -> std::io::Result<(TcpStream, Way)> {
        let (stream, _) = self.0.accept().await?;
        // Answers are short, and lines of streams should come when they are there. One who is gone already is seen later.
        let _ = stream.set_nodelay(true);
        Ok((stream, self.1.clone()))
    }
}

async fn listen<O: Operator>(listener: impl Listener, desk: Desk<O>) {
    let arrivals = Arrivals::new(desk.limits.silent_connections);
    let (mut stopping, mut connections) = (desk.stopping.clone(), JoinSet::new());
    let most = desk.limits.connections.max(1);
    let mut stop = pin!(stopping.wait_for(|stopping| *stopping));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < most => accepted,
        };
        match accepted {
            Ok((stream, way)) => {
                connections.spawn(converse(stream, way, desk.clone(), arrivals.enter()));
            }
            Err(_) => sleep(AFTER_REFUSAL).await,
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    // Dropping the set cuts off those that are left.
    let _ = timeout(desk.limits.stop_time, all).await;
}

/// One connection, which has one request.
async fn converse<O: Operator, S>(
    stream: S,
    way: Way,
    desk: Desk<O>,
    (arrival, goes): (Arrival, oneshot::Receiver<()>),
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = TokioIo::new(Impatient::new(stream, desk.limits.stall_time));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(desk.limits.request_time)
        .keep_alive(false)
        .max_buf_size(LARGEST_HEAD)
        .max_header_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        // That would be the system's clock.
        .auto_date_header(false);
    let (desk, way, arrival) = (&desk, &way, &Mutex::new(Some(arrival)));
    // Until the connection ends: an answer that nobody takes has its place too.
    let inside = &Mutex::new(None);
    let answer = async |request: Request<Incoming>| {
        let arrival = arrival.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(arrival) = arrival {
            arrival.has_come();
        }
        let (answer, place) = desk.answer(way, request).await;
        *inside.lock().unwrap_or_else(PoisonError::into_inner) = place;
        Ok::<_, Infallible>(answer)
    };
    let mut connection = pin!(http.serve_connection(stream, service_fn(answer)));
    let mut stopping = desk.stopping.clone();
    let has_to_go = async {
        if goes.await.is_ok() {
            // Its request is there.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        // Whoever breaks off knows it.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = has_to_go => return,
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
