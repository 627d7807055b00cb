//! The server itself: listening, reading requests, writing responses.
//!
//! ```text
//! Server::serve (serving) -> connection: HTTP/1.1 or HTTP/2 -> respond: one form, the client's headers, a site's
//! file or the application -> response body -> access log
//! ```
//!
//! The server looks at its connections from time to time (`link`, `exchange`) and gives up on what takes too long.
//! Nothing has a timer of its own, so that a request costs none.

mod connection;
mod date;
mod drain;
mod exchange;
mod limits;
mod link;
mod normal_form;
mod patience;
mod refusal;
mod request_body;
mod respond;
mod response_body;
mod room;
mod serving;
mod ticket;
mod watched;

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use wasm_roles_virtual_network::{Interface, MemoryBudget, NetError, TcpListener};

pub use drain::Drain;
pub use limits::{Slowest, WebLimits};
pub use request_body::{RequestBody, RequestBodyError};
pub use ticket::Ticket;

use crate::Application;
use crate::access_log::AccessLog;
use crate::client::RequestIds;
use crate::sites::Sites;
use date::DateHeader;
use serving::Serving;

/// Connections that wait to be accepted, for each port.
const BACKLOG: usize = 1024;

/// What a server has besides what answers.
pub struct ServerOptions {
    /// What is answered with files.
    pub sites: Arc<Sites>,
    /// What clients may ask of it.
    pub limits: WebLimits,
    /// Where it says what it has answered. `None`: nowhere.
    pub access_log: Option<AccessLog>,
    /// The wall time since 1970.
    pub clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Where the ids of requests come from.
    pub seed: [u8; 32],
}

/// The web server of one incarnation of an instance. Dropping it closes its ports.
pub struct Server<A> {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared<A>>,
}

struct Shared<A> {
    application: A,
    options: ServerOptions,
    memory: Arc<MemoryBudget>,
    drain: Drain,
    date: DateHeader,
    ids: RequestIds,
    /// Requests in the application's queue.
    queued: Arc<AtomicUsize>,
}

/// A port of the server cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the web server cannot listen on {address}: {error}")]
pub struct ListenError {
    address: SocketAddr,
    error: NetError,
}

impl<A: Application> Server<A> {
    /// Listens on `ports` of the instance's own address.
    ///
    /// # Errors
    ///
    /// When a port cannot be opened, with the network's reason.
    pub fn listen(
        interface: &Interface,
        ports: &[NonZeroU16],
        application: A,
        options: ServerOptions,
    ) -> Result<Self, ListenError> {
        let listen = |port: &NonZeroU16| {
            let address = SocketAddr::from((interface.address(), port.get()));
            let listener = interface.bind(address).and_then(|bound| bound.listen(BACKLOG));
            listener.map_err(|error| ListenError { address, error })
        };
        let listeners = ports.iter().map(listen).collect::<Result<_, _>>()?;
        let shared = Shared {
            application,
            memory: Arc::clone(interface.memory()),
            drain: Drain::new(),
            date: DateHeader::default(),
            ids: RequestIds::new(options.seed),
            queued: Arc::default(),
            options,
        };
        Ok(Self { listeners, shared: Arc::new(shared) })
    }

    /// What tells it to drain.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.shared.drain.clone()
    }

    /// Serves until it has drained. The future holds all connections: nothing is spawned, and dropping it cuts them.
    pub async fn serve(self) {
        Serving::new(self.listeners, self.shared).serve().await;
    }
}
