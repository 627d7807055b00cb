//! A connect under way.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::account::Account;
use super::dial::Dial;
use super::memory::{MemoryEnd, Pipes, Side};
use super::queue::{ListenQueue, Offer, Ticket};
use super::stream::TcpStream;
use super::travel::{Departure, Travel};
use crate::NetError;
use crate::course::{Course, show_failed_connect};
use crate::network::{InterfaceCore, Scope, Socket, State};
use crate::sync::{WakerSlot, lock, wake};

/// How long a connect waits for room in the backlog: what Linux takes for its first retries.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(21);

/// What a connect and the listener share until it is decided.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(super) pipes: Arc<Pipes>,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    state: Mutex<AttemptState>,
}

#[derive(Debug, Default)]
struct AttemptState {
    outcome: Option<Result<(), NetError>>,
    waiting: WakerSlot,
}

impl Attempt {
    pub(super) fn new(pipes: Pipes, client: SocketAddr, server: SocketAddr) -> Self {
        Self { pipes: Arc::new(pipes), client, server, state: Mutex::default() }
    }

    /// Decides the connect, unless it is decided already.
    pub(crate) fn settle(&self, outcome: Result<(), NetError>) {
        let mut state = lock(&self.state);
        if state.outcome.is_none() {
            match outcome {
                Err(NetError::ConnectionRefused) => self.pipes.course().refused(),
                Err(NetError::Timeout) => self.pipes.course().timed_out(),
                _ => {}
            }
        }
        state.outcome.get_or_insert(outcome);
        let waiting = state.waiting.take();
        drop(state);
        wake(waiting);
    }

    /// The client's interface ended, or the client gives up.
    pub(crate) fn abort(&self) {
        self.settle(Err(NetError::ConnectionAborted));
        self.pipes.abort(Side::Client);
    }

    /// How it was decided, if it was.
    pub(super) fn outcome(&self) -> Option<Result<(), NetError>> {
        lock(&self.state).outcome
    }

    fn poll_settled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.outcome.is_some() {
            return Poll::Ready(());
        }
        let replaced = state.waiting.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

/// A connect under way; as a future it ends with the stream. Inside the deployment it waits only while the peer's backlog is
/// full. Dropping it gives up.
///
/// Most connects are decided when they begin, so [`try_finish`](Self::try_finish) is worth asking first.
#[must_use = "a connect that is dropped is given up"]
pub struct Connecting {
    /// `None` once the outcome was taken.
    stage: Option<Stage>,
}

enum Stage {
    /// To an instance.
    Offered(Pending),
    /// To the world outside or the public side.
    Dialing(Dial),
}

struct Pending {
    /// `None` for a connect from outside.
    socket: Option<Socket>,
    attempt: Arc<Attempt>,
    /// The place in the queue, while the connect waits.
    place: Option<(Arc<ListenQueue>, Ticket)>,
    /// The way to the listener, while faults make it long.
    travel: Option<Box<Travel>>,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connecting {
    /// Begins a connect from `socket` at `client`; the target was admitted.
    pub(super) fn start(socket: Socket, client: SocketAddr, server: SocketAddr) -> Result<Self, NetError> {
        let core = socket.core();
        let show = |error: &NetError| show_failed_connect(core, client, server, *error);
        let departure = Travel::depart(core, client, server).inspect_err(show)?;
        let listener = listener(core, server);
        let attempt = match (&departure, &listener) {
            (_, Ok(queue)) => {
                let course = Course::between(core, client, server, queue.tally());
                Attempt::new(Pipes::new(core.account(), queue.account(), course), client, server)
            }
            (Departure::Arrived, Err(error)) => {
                show(error);
                return Err(*error);
            }
            // Somebody may listen when it arrives.
            (Departure::Travels(_), Err(_)) => {
                let course = Course::between(core, client, server, None);
                Attempt::new(Pipes::new(core.account(), &Arc::default(), course), client, server)
            }
        };
        let attempt = Arc::new(attempt);
        socket.set_state(State::Connecting(Arc::downgrade(&attempt)))?;
        Ok(match (departure, listener) {
            (Departure::Travels(travel), _) => Self::pending(Some(socket), attempt, None, Some(travel)),
            (Departure::Arrived, listener) => Self::offer(Some(socket), attempt, listener?),
        })
    }

    /// Begins a connect from `client`, which is outside of the network; `queue` listens at `server`.
    pub(crate) fn from_outside(client: SocketAddr, server: SocketAddr, queue: Arc<ListenQueue>) -> Self {
        let course = Course::from_outside(queue.core(), client, server, queue.tally());
        let pipes = Pipes::new(&Arc::new(Account::default()), queue.account(), course);
        Self::offer(None, Arc::new(Attempt::new(pipes, client, server)), queue)
    }

    fn offer(socket: Option<Socket>, attempt: Arc<Attempt>, queue: Arc<ListenQueue>) -> Self {
        let place = offer(&attempt, queue);
        Self::pending(socket, attempt, place, None)
    }

    fn pending(
        socket: Option<Socket>,
        attempt: Arc<Attempt>,
        place: Option<(Arc<ListenQueue>, Ticket)>,
        travel: Option<Box<Travel>>,
    ) -> Self {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        Self {
            stage: Some(Stage::Offered(Pending { socket, attempt, place, travel, deadline, timer: None })),
        }
    }

    /// A connect that a task gets on with.
    pub(super) fn dialing(dial: Dial) -> Self {
        Self { stage: Some(Stage::Dialing(dial)) }
    }

    /// The outcome, if there is one now.
    ///
    /// # Errors
    ///
    /// Inside: `ConnectionRefused`, `Timeout`, or `ConnectionAborted` when the own interface ended.
    /// `InvalidState` once the outcome was taken.
    pub fn try_finish(&mut self) -> Option<Result<TcpStream, NetError>> {
        match &mut self.stage {
            None => Some(Err(NetError::InvalidState)),
            Some(Stage::Offered(pending)) => {
                pending.arrive();
                pending.time_out();
                let outcome = pending.attempt.outcome()?;
                let Some(Stage::Offered(pending)) = self.stage.take() else { return None };
                Some(pending.finish(outcome))
            }
            Some(Stage::Dialing(dial)) => {
                let outcome = dial.decision()?;
                let Some(Stage::Dialing(dial)) = self.stage.take() else { return None };
                Some(outcome.and_then(|reached| dial.establish(reached)))
            }
        }
    }

    /// Ready when [`try_finish`](Self::try_finish) has an outcome. The time-out needs a tokio runtime.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Some(Stage::Offered(pending)) => pending.poll_ready(cx),
            Some(Stage::Dialing(dial)) => dial.poll_decided(cx),
            None => Poll::Ready(()),
        }
    }
}

/// Who listens at `target`, as `core` sees it.
pub(super) fn listener(core: &Arc<InterfaceCore>, target: SocketAddr) -> Result<Arc<ListenQueue>, NetError> {
    let peer = core.peer(target.ip()).ok_or(NetError::RemoteUnreachable)?;
    peer.listener(Scope::of(target.ip()), target.port()).ok_or(NetError::ConnectionRefused)
}

/// Offers the connect to a listener, and gives its place if it has to wait.
fn offer(attempt: &Arc<Attempt>, queue: Arc<ListenQueue>) -> Option<(Arc<ListenQueue>, Ticket)> {
    match queue.offer(attempt) {
        Offer::Settled => None,
        Offer::Waits(ticket) => Some((queue, ticket)),
    }
}

impl Pending {
    /// Ends the way to the listener, if it is over.
    fn arrive(&mut self) {
        let Some(travel) = self.travel.take_if(|travel| travel.is_over()) else { return };
        match listener(travel.core(), self.attempt.server) {
            Ok(queue) => self.place = offer(&self.attempt, queue),
            Err(error) => self.attempt.settle(Err(error)),
        }
    }

    fn time_out(&mut self) {
        if (self.place.is_some() || self.travel.is_some()) && Instant::now() >= self.deadline {
            self.leave_queue();
            self.attempt.settle(Err(NetError::Timeout));
        }
    }

    fn leave_queue(&mut self) {
        if let Some((queue, ticket)) = self.place.take() {
            queue.withdraw(ticket);
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(travel) = &mut self.travel
            && travel.poll(cx).is_ready()
        {
            self.arrive();
        }
        if self.attempt.poll_settled(cx).is_ready() {
            return Poll::Ready(());
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.as_mut().poll(cx).is_ready() {
            self.time_out();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn finish(mut self, outcome: Result<(), NetError>) -> Result<TcpStream, NetError> {
        if outcome.is_err() {
            self.leave_queue();
            // The listener may just have given it a place, too late.
            self.attempt.pipes.abort(Side::Client);
        }
        outcome.and_then(|()| self.establish())
    }

    fn establish(self) -> Result<TcpStream, NetError> {
        let Attempt { client, server, .. } = *self.attempt;
        let end = MemoryEnd::new(self.attempt.pipes.clone(), Side::Client);
        let Some(socket) = self.socket else { return Ok(TcpStream::outside(end, client, server)) };
        socket.core().shared().count_connection();
        TcpStream::memory(end, client, server, socket)
    }
}

impl Future for Connecting {
    type Output = Result<TcpStream, NetError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.try_finish() {
            return Poll::Ready(outcome);
        }
        std::task::ready!(self.poll_ready(cx));
        match self.try_finish() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        match self.stage.take() {
            None => {}
            Some(Stage::Offered(mut pending)) => {
                pending.leave_queue();
                // Who accepted it already sees the client go away.
                pending.attempt.abort();
            }
            Some(Stage::Dialing(dial)) => dial.give_up(),
        }
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = match &self.stage {
            Some(Stage::Offered(pending)) => pending.attempt.outcome().is_none(),
            Some(Stage::Dialing(_)) => true,
            None => false,
        };
        f.debug_struct("Connecting").field("waits", &waits).finish()
    }
}
