//! A connect to the world outside, or to the deployment's own public side, under way.
//!
//! Neither is decided when it begins, so a task gets on with it, whether the guest asks again or not.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connecting::CONNECT_TIMEOUT;
use super::idle::HandOverOptions;
use super::inside::{InsideOffer, Unclaimed};
use super::memory::Side;
use super::outside::OutsideStream;
use super::stream::TcpStream;
use super::system::SystemEnd;
use crate::NetError;
use crate::course::Course;
use crate::network::{Socket, State};
use crate::outside::{HostSocket, connect_error};
use crate::sync::Outcome;

/// How long a connection to the own public side waits for an instance that takes it, as long as one from outside does. A port
/// that nobody serves refuses at once.
pub const PUBLIC_WAIT: Duration = Duration::from_secs(10);
/// How often it is offered again. Nobody says when an instance begins to listen.
const OFFER_AGAIN: Duration = Duration::from_millis(50);

/// What a task reaches.
pub(crate) enum Reached {
    /// A stream of the operating system, and its place.
    System(tokio::net::TcpStream, HostSocket),
    /// A connection in memory that an instance, or who serves the public ports, has taken.
    Memory(Unclaimed),
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System(..) => "System",
            Self::Memory(_) => "Memory",
        })
    }
}

/// How a connect of this kind was decided.
pub(crate) type Dialed = Outcome<Result<Reached, NetError>>;

/// A connect of this kind. Dropping it gives up.
pub(super) struct Dial {
    socket: Socket,
    client: SocketAddr,
    server: SocketAddr,
    outcome: Arc<Dialed>,
    task: Option<AbortHandle>,
}

impl Dial {
    /// Begins a connect to an address outside that the policy admits.
    pub(super) fn outside(socket: Socket, client: SocketAddr, server: SocketAddr) -> Result<Self, NetError> {
        let place = socket.core().host_socket()?;
        let connecting = socket.core().shared().outside().connect(server);
        Self::start(socket, client, server, None, async move {
            let connected = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| NetError::Timeout)?;
            let stream = connected.map_err(|error| connect_error(&error))?;
            Ok(Reached::System(stream, place))
        })
    }

    /// Begins a connect to a public port of the deployment's own.
    pub(super) fn public_side(
        socket: Socket,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Result<Self, NetError> {
        let offer = InsideOffer::new(socket.core().clone(), client, server);
        let now = offer.try_once().map(|outcome| outcome.map(Reached::Memory));
        Self::start(socket, client, server, now, async move {
            let until = Instant::now() + PUBLIC_WAIT;
            loop {
                sleep(OFFER_AGAIN).await;
                match offer.try_once() {
                    Some(outcome) => return outcome.map(Reached::Memory),
                    None if Instant::now() >= until => return Err(offer.give_up()),
                    None => {}
                }
            }
        })
    }

    fn start(
        socket: Socket,
        client: SocketAddr,
        server: SocketAddr,
        now: Option<Result<Reached, NetError>>,
        later: impl Future<Output = Result<Reached, NetError>> + Send + 'static,
    ) -> Result<Self, NetError> {
        let outcome = Arc::new(Dialed::new());
        socket.set_state(State::Dialing(Arc::downgrade(&outcome)))?;
        let task = match now {
            Some(now) => {
                outcome.settle(now);
                None
            }
            None => {
                let runtime = Handle::try_current().map_err(|_| NetError::NotSupported)?;
                let outcome = outcome.clone();
                Some(runtime.spawn(async move { outcome.settle(later.await) }).abort_handle())
            }
        };
        Ok(Self { socket, client, server, outcome, task })
    }

    /// The decision, if there is one now; it can be had once.
    pub(super) fn decision(&self) -> Option<Result<Reached, NetError>> {
        let decision = self.outcome.take()?;
        // When the interface ends, the task has not decided it, and is still at it.
        self.give_up();
        Some(decision)
    }

    pub(super) fn poll_decided(&self, cx: &Context<'_>) -> Poll<()> {
        self.outcome.poll_settled(cx)
    }

    /// The guest's end of what was reached.
    pub(super) fn establish(self, reached: Reached) -> Result<TcpStream, NetError> {
        let Self { socket, client, server, .. } = self;
        match reached {
            Reached::System(stream, place) => {
                socket.core().shared().count_outbound();
                let account = socket.core().account().clone();
                let socket = socket.with_host(place);
                let end = SystemEnd::new(OutsideStream::from(stream), HandOverOptions::default(), account);
                let course = Course::between(socket.core(), client, server, None);
                let stream = TcpStream::system(end, client, server, socket)?;
                Ok(stream.watched(course, Side::Client))
            }
            Reached::Memory(unclaimed) => {
                let end = unclaimed.claim().ok_or(NetError::InvalidState)?;
                socket.core().shared().count_connection();
                TcpStream::memory(end, client, server, socket)
            }
        }
    }

    pub(super) fn give_up(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
