//! The backlog of a listener: connections that are established and not yet accepted, and connects that wait
//! for a place in it.
//!
//! Places are given in the order of arrival and by the side that makes room, so nobody has to come back and
//! try: a waiting task that never polls again holds up nobody.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::account::Account;
use super::connecting::Attempt;
use super::idle::HandOverOptions;
use super::memory::{MemoryEnd, Side};
use super::outside::{OutsideStream, WayBack};
use super::stream::TcpStream;
use super::system::SystemEnd;
use crate::counters::Tally;
use crate::course::Course;
use crate::network::{InterfaceCore, Socket};
use crate::sync::{WakerSlot, lock, wake};
use crate::{HandOver, NetError};

/// Places that a backlog can have.
const BACKLOG: RangeInclusive<usize> = 1..=4096;

/// The place of a waiting connect.
pub(super) type Ticket = u64;

/// What became of a connect that was offered.
pub(super) enum Offer {
    /// It is decided, one way or the other.
    Settled,
    /// It waits.
    Waits(Ticket),
}

pub(crate) struct ListenQueue {
    core: Arc<InterfaceCore>,
    backlog: usize,
    /// Of the endpoint that it serves.
    tally: Option<Arc<Tally>>,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    closed: bool,
    /// Nobody comes in any more.
    full_for_good: bool,
    ready: VecDeque<Ready>,
    waiting: BTreeMap<Ticket, Arc<Attempt>>,
    next_ticket: Ticket,
    acceptor: WakerSlot,
}

/// A connection that was not accepted yet.
struct Ready {
    stream: TcpStream,
    way_back: Option<Arc<dyn WayBack>>,
}

impl Ready {
    /// Nobody accepts it any more. No lock is held.
    fn give_up(self) {
        let Self { stream, way_back } = self;
        let Some(way_back) = way_back else { return stream.reset() };
        if let Some(untouched) = stream.into_untouched() {
            way_back.take_back(untouched);
        }
    }
}

impl QueueState {
    fn takes_new(&self) -> bool {
        !self.closed && !self.full_for_good
    }
}

impl ListenQueue {
    pub(super) fn new(core: Arc<InterfaceCore>, backlog: usize, tally: Option<Arc<Tally>>) -> Self {
        let backlog = backlog.clamp(*BACKLOG.start(), *BACKLOG.end());
        Self { core, backlog, tally, state: Mutex::default() }
    }

    /// The interface that listens.
    pub(super) fn core(&self) -> &Arc<InterfaceCore> {
        &self.core
    }

    /// The tally of the endpoint that it serves.
    pub(super) fn tally(&self) -> Option<Arc<Tally>> {
        self.tally.clone()
    }

    /// The account of the interface that listens.
    pub(super) fn account(&self) -> &Arc<Account> {
        self.core.account()
    }

    /// A connect arrives.
    pub(super) fn offer(&self, attempt: &Arc<Attempt>) -> Offer {
        let mut state = lock(&self.state);
        if state.takes_new() && state.ready.len() >= self.backlog {
            let ticket = state.next_ticket;
            state.next_ticket = ticket.wrapping_add(1);
            state.waiting.insert(ticket, attempt.clone());
            return Offer::Waits(ticket);
        }
        let admitted = if state.takes_new() {
            self.admit(&mut state, attempt)
        } else {
            Err(NetError::ConnectionRefused)
        };
        let acceptor = state.acceptor.take();
        drop(state);
        attempt.settle(self.told(admitted));
        wake(acceptor);
        Offer::Settled
    }

    /// A connect arrives that does not wait; says whether it got a place.
    pub(super) fn take(&self, attempt: &Attempt) -> bool {
        let mut state = lock(&self.state);
        if !state.takes_new() || state.ready.len() >= self.backlog {
            return false;
        }
        let admitted = self.admit(&mut state, attempt);
        let acceptor = if admitted.is_ok() { state.acceptor.take() } else { None };
        drop(state);
        wake(acceptor);
        self.told(admitted).is_ok()
    }

    /// Gives `attempt` a place among the established connections. A refusal is to be [told](Self::told) after the lock.
    fn admit(&self, state: &mut QueueState, attempt: &Attempt) -> Result<(), NetError> {
        let socket = Socket::accept_untold(&self.core)?;
        let end = MemoryEnd::new(attempt.pipes.clone(), Side::Server);
        let stream = TcpStream::memory(end, attempt.server, attempt.client, socket)?;
        // Before anybody can write.
        attempt.pipes.course().established();
        state.ready.push_back(Ready { stream, way_back: None });
        Ok(())
    }

    /// Tells of an instance that is out of sockets, and gives what the client is told. No lock is held.
    fn told(&self, admitted: Result<(), NetError>) -> Result<(), NetError> {
        if admitted == Err(NetError::TooManySockets) {
            Socket::tell_refusal(&self.core);
        }
        // Out of sockets, or just ended: to the client both look like nobody who listens.
        admitted.map_err(|_| NetError::ConnectionRefused)
    }

    /// A connect gives up waiting.
    pub(super) fn withdraw(&self, ticket: Ticket) {
        let withdrawn = lock(&self.state).waiting.remove(&ticket);
        drop(withdrawn);
    }

    /// A connection from outside arrives.
    pub(crate) fn hand_over(
        &self,
        local: SocketAddr,
        mut stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), HandOver> {
        let Some(peer) = stream.peer() else {
            // The client has gone already; nobody needs to hear of it.
            return Ok(());
        };
        let mut state = lock(&self.state);
        if !state.takes_new() {
            return Err(HandOver::NotListening(stream));
        }
        if state.ready.len() >= self.backlog {
            return Err(HandOver::BacklogFull(stream));
        }
        let socket = match Socket::accept_untold(&self.core) {
            Ok(socket) => socket,
            Err(refused) => {
                drop(state);
                let _ = self.told(Err(refused));
                return Err(HandOver::BacklogFull(stream));
            }
        };
        let way_back = stream.take_way_back();
        let end = SystemEnd::new(stream, options, self.account().clone());
        match TcpStream::handed_over(end, local, peer, socket) {
            Ok(stream) => {
                let course = Course::from_outside(&self.core, peer, local, self.tally());
                let stream = stream.watched(course, Side::Server);
                state.ready.push_back(Ready { stream, way_back });
            }
            // The interface ends this very moment.
            Err(Some(stream)) => {
                let stream = match way_back {
                    Some(way_back) => stream.with_way_back(way_back),
                    None => stream,
                };
                return Err(HandOver::NotListening(stream));
            }
            Err(None) => {}
        }
        let acceptor = state.acceptor.take();
        drop(state);
        wake(acceptor);
        Ok(())
    }

    /// Ready when an accept would find a connection or an error.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.closed || !state.ready.is_empty() {
            return Poll::Ready(());
        }
        let replaced = state.acceptor.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// The oldest connection, if there is one. Its place goes to the connect that has waited longest.
    pub(super) fn accept(&self) -> Result<Option<TcpStream>, NetError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(NetError::ConnectionAborted);
        }
        let Some(Ready { stream, .. }) = state.ready.pop_front() else { return Ok(None) };
        let mut settled = Vec::new();
        while state.ready.len() < self.backlog {
            let Some((_, attempt)) = state.waiting.pop_first() else { break };
            // The client's interface may have ended while it waited.
            if attempt.outcome().is_none() {
                let admitted = self.admit(&mut state, &attempt);
                settled.push((attempt, admitted));
            }
        }
        drop(state);
        for (attempt, admitted) in settled {
            attempt.settle(self.told(admitted));
        }
        Ok(Some(stream))
    }

    /// Nobody comes in any more, and what waits for a place is refused. What is ready can still be accepted.
    pub(super) fn refuse_new(&self) {
        let mut state = lock(&self.state);
        state.full_for_good = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for attempt in waiting.values() {
            attempt.settle(Err(NetError::ConnectionRefused));
        }
    }

    /// As [`refuse_new`](Self::refuse_new), and what is ready and has a way back takes it. The rest can still be accepted.
    pub(crate) fn send_back(&self) {
        self.refuse_new();
        let mut state = lock(&self.state);
        let (back, stay) =
            std::mem::take(&mut state.ready).into_iter().partition(|one| one.way_back.is_some());
        state.ready = stay;
        drop(state);
        let back: VecDeque<Ready> = back;
        back.into_iter().for_each(Ready::give_up);
    }

    /// Nobody listens any more: what was not accepted goes back or is reset, what waits is refused, a waiting accept
    /// wakes up.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let ready = std::mem::take(&mut state.ready);
        let waiting = std::mem::take(&mut state.waiting);
        let acceptor = state.acceptor.take();
        drop(state);
        ready.into_iter().for_each(Ready::give_up);
        for attempt in waiting.values() {
            attempt.settle(Err(NetError::ConnectionRefused));
        }
        wake(acceptor);
    }
}

impl fmt::Debug for ListenQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenQueue").field("backlog", &self.backlog).finish_non_exhaustive()
    }
}
