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
use super::memory::{MemoryEnd, Pipes, Side};
use super::queue::{ListenQueue, Offer, Ticket};
use super::stream::TcpStream;
use crate::NetError;
use crate::network::{Socket, State};
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
    fn new(pipes: Pipes, client: SocketAddr, server: SocketAddr) -> Self {
        Self { pipes: Arc::new(pipes), client, server, state: Mutex::default() }
    }

    /// Decides the connect, unless it is decided already.
    pub(crate) fn settle(&self, outcome: Result<(), NetError>) {
        let mut state = lock(&self.state);
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

/// A connect under way; as a future it ends with the stream. It waits only while the peer's backlog is full.
/// Dropping it gives up.
///
/// Most connects are decided when they begin, so [`try_finish`](Self::try_finish) is worth asking first.
#[must_use = "a connect that is dropped is given up"]
pub struct Connecting {
    /// `None` once the outcome was taken.
    pending: Option<Pending>,
}

struct Pending {
    /// `None` for a connect from outside.
    socket: Option<Socket>,
    attempt: Arc<Attempt>,
    /// The place in the queue, while the connect waits.
    place: Option<(Arc<ListenQueue>, Ticket)>,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connecting {
    /// Begins a connect from `socket` at `client`; the target was admitted and `queue` listens there.
    pub(super) fn start(
        socket: Socket,
        client: SocketAddr,
        server: SocketAddr,
        queue: Arc<ListenQueue>,
    ) -> Result<Self, NetError> {
        let pipes = Pipes::new(socket.core().account(), queue.account());
        let attempt = Arc::new(Attempt::new(pipes, client, server));
        socket.set_state(State::Connecting(Arc::downgrade(&attempt)))?;
        Ok(Self::offer(Some(socket), attempt, queue))
    }

    /// Begins a connect from `client`, which is outside of the network; `queue` listens at `server`.
    pub(crate) fn from_outside(client: SocketAddr, server: SocketAddr, queue: Arc<ListenQueue>) -> Self {
        let pipes = Pipes::new(&Arc::new(Account::default()), queue.account());
        Self::offer(None, Arc::new(Attempt::new(pipes, client, server)), queue)
    }

    fn offer(socket: Option<Socket>, attempt: Arc<Attempt>, queue: Arc<ListenQueue>) -> Self {
        let place = match queue.offer(&attempt) {
            Offer::Settled => None,
            Offer::Waits(ticket) => Some((queue, ticket)),
        };
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        Self { pending: Some(Pending { socket, attempt, place, deadline, timer: None }) }
    }

    /// The outcome, if there is one now.
    ///
    /// # Errors
    ///
    /// Inside: `ConnectionRefused`, `Timeout`, or `ConnectionAborted` when the own interface ended.
    /// `InvalidState` once the outcome was taken.
    pub fn try_finish(&mut self) -> Option<Result<TcpStream, NetError>> {
        let Some(pending) = &mut self.pending else { return Some(Err(NetError::InvalidState)) };
        pending.time_out();
        let outcome = pending.attempt.outcome()?;
        let mut pending = self.pending.take()?;
        if outcome.is_err() {
            pending.leave_queue();
            // The listener may just have given it a place, too late.
            pending.attempt.pipes.abort(Side::Client);
        }
        Some(outcome.and_then(|()| pending.establish()))
    }

    /// Ready when [`try_finish`](Self::try_finish) has an outcome. The time-out needs a tokio runtime.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.pending {
            Some(pending) => pending.poll_ready(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Pending {
    fn time_out(&mut self) {
        if self.place.is_some() && Instant::now() >= self.deadline {
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
        let Some(mut pending) = self.pending.take() else { return };
        pending.leave_queue();
        // Who accepted it already sees the client go away.
        pending.attempt.abort();
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting")
            .field("outcome", &self.pending.as_ref().map(|p| p.attempt.outcome()))
            .finish()
    }
}
