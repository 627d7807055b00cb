//! Requests that a guest sends: `wasi:http/outgoing-handler` of 0.2 and `wasi:http/client` of 0.3.
//!
//! There is one way out, [`Outgoing::send`]. It is what any program in the instance could do with sockets: it looks the
//! host up and connects through the instance's own [`Interface`], so the policy decides, denials are reported, and sockets and
//! bytes are booked as for every other connection. Nothing here opens a socket by itself.
//!
//! | step | rule |
//! |---|---|
//! | target | `http` and `https`; host and port from the URL, 80 and 443 without one; user information, port 0 and `CONNECT` are refused |
//! | look-up | [`Interface::look_up`]: roles, instances, the public side, names outside that a rule of the host's has |
//! | connect | the answer's addresses in turn, while they refuse or are away |
//! | TLS | rustls with the [roots](TrustedRoots) of the runtime; the certificate must be for the URL's host |
//! | protocol | HTTP/1.1, or HTTP/2 where a TLS server chooses it by ALPN |
//! | not done | redirects, cookies, proxies, upgrades, decoding of contents |
//!
//! Each request has a connection of its own, which ends with it: no bytes of one request can meet another, and every request
//! is decided anew. Between instances a connection costs microseconds; to the outside, TLS sessions of the same instance
//! are resumed.
//!
//! # Time
//!
//! A guest's time-outs hold up to [`LONGEST_WAIT`], which is also the default. `connect-timeout` covers look-up, connection and
//! TLS; `first-byte-timeout` runs from there, or from the last part of the request's body that the connection took, to the
//! head of the response; `between-bytes-timeout` runs while the guest waits for more of the body, and while nothing goes of
//! the rest of a request whose response the guest has dropped.
//!
//! # Bounds
//!
//! An instance has at most [`REQUESTS`] requests under way, from [`send`](Outgoing::send) to the end of both bodies. Each
//! takes [`REQUEST_BYTES`] of the instance's memory for its buffers. Heads are at most [`HEAD_BYTES`] long in both
//! directions. A request ends when the guest drops what it has of it, and with the instance; when it drops the response
//! before the whole request has gone, the rest still goes, as long as the server takes it. Requests that are not sent are
//! bounded in their [parts](parts).
//!
//! # Trailers
//!
//! Over HTTP/1.1 a trailer of the request goes out when a `trailer` header names it; others are left out, as hyper does it.

mod body;
mod connection;
mod errors;
mod exchange;
mod limits;
mod parts;
mod request;
mod target;
mod tls;
mod wire;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;
use wasm_roles_virtual_network::Interface;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use limits::{Timeouts, Turn, Turns};
use target::Target;
use tls::Client;

pub(crate) use parts::add_to_linker;
pub(crate) use tls::Trust;
pub use tls::TrustedRoots;

#[cfg(doc)]
use limits::{HEAD_BYTES, LONGEST_WAIT, REQUEST_BYTES, REQUESTS};

/// What is left to do for a request when its response is there: it drives the connection to its end.
pub(crate) type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The requests that one instance sends, from all its stores, or a program beside it.
pub(crate) struct Outgoing {
    interface: Interface,
    client: Arc<Client>,
    turns: Turns,
    /// Closes with the instance.
    life: watch::Sender<()>,
}

impl Outgoing {
    pub(crate) fn new(interface: Interface, trust: Arc<Trust>) -> Self {
        let turns = Turns::new(Arc::clone(interface.memory()));
        Self { interface, client: Arc::new(Client::new(trust)), turns, life: watch::Sender::new(()) }
    }

    /// Sends a request. The future ends with the head of the response; dropping it, or the transmission, gives up.
    pub(crate) fn send(
        &self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> impl Future<Output = Result<(http::Response<WasiBody>, Transmission), Error>> + Send + 'static {
        // A request that is refused goes at once, and not when somebody asks what became of it.
        let begun = self.begin(&request).map(|(target, turn)| (request, target, turn));
        let timeouts = Timeouts::of(options);
        let (interface, client) = (self.interface.clone(), Arc::clone(&self.client));
        let life = self.life.subscribe();
        async move {
            let (request, target, turn) = begun?;
            let connection = connection::open(interface, &client, &target);
            let connection = timeout(timeouts.connect, connection).await;
            let connection = connection.map_err(|_| Error::ConnectionTimeout)??;
            exchange::run(connection, request, timeouts, Arc::new(turn), life).await
        }
    }

    /// Where it goes, and its turn.
    fn begin(&self, request: &http::Request<WasiBody>) -> Result<(Target, Turn), Error> {
        let target = Target::of(request.uri())?;
        request::check(request)?;
        Ok((target, self.turns.take()?))
    }
}
