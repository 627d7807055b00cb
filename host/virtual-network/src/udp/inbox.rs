//! The receiving half of a socket, which senders find in the table of the interface.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::Instant;

use super::account::{Account, OVERHEAD};
use super::answers::Asked;
use super::in_flight::InFlight;
use crate::NetError;
use crate::counters::Tally;
use crate::faults::Wait;
use crate::network::{Scope, Shared};
use crate::sync::{WakerSlot, lock, wake};

/// An empty queue that is longer than this gives its memory back.
const KEPT: usize = 16;

/// What was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The content, up to [`LARGEST_DATAGRAM`](super::LARGEST_DATAGRAM) bytes; it may be empty.
    pub data: Bytes,
    /// Who sent it.
    pub from: SocketAddr,
}

impl Datagram {
    fn cost(&self) -> usize {
        self.data.len().saturating_add(OVERHEAD)
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Queued,
    /// There is no room for it.
    Full,
    /// The socket has ended, or is connected to somebody else.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Inbox {
    /// The receiving interface's.
    account: Arc<Account>,
    /// Of the endpoint that the socket serves.
    tally: Option<Arc<Tally>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Datagram>,
    /// What faults let arrive later.
    in_flight: Option<Box<InFlight>>,
    /// What both cost.
    queued: usize,
    association: Option<Association>,
    /// What the socket has heard of an earlier send and not told yet.
    heard: Option<NetError>,
    /// The interface has ended.
    ended: bool,
    asked: Asked,
    dropped: u64,
    reader: WakerSlot,
}

/// The addresses of a connected socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Association {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
}

impl State {
    /// What any operation has to say first.
    fn tell(&mut self) -> Result<(), NetError> {
        if self.ended {
            return Err(NetError::ConnectionAborted);
        }
        self.heard.take().map_or(Ok(()), Err)
    }

    fn accepts(&self, from: SocketAddr, to: IpAddr) -> bool {
        !self.ended
            && self.association.is_none_or(|association| {
                association.peer == from && Scope::of(association.local.ip()) == Scope::of(to)
            })
    }
}

impl Inbox {
    pub(super) fn new(account: Arc<Account>, tally: Option<Arc<Tally>>) -> Self {
        Self { account, tally, state: Mutex::default() }
    }

    /// Of the endpoint that the socket serves.
    pub(super) fn tally(&self) -> Option<&Tally> {
        self.tally.as_deref()
    }

    /// A datagram arrives at the address `to` of the instance.
    pub(super) fn deliver(&self, datagram: Datagram, to: IpAddr) -> Delivery {
        let bytes = datagram.data.len();
        self.place(datagram, to, |state, datagram| {
            self.tally().inspect(|tally| tally.received(bytes));
            state.queue.push_back(datagram);
        })
    }

    /// As [`deliver`](Self::deliver), but the datagram arrives at `due`.
    pub(super) fn deliver_later(
        &self,
        datagram: Datagram,
        to: IpAddr,
        due: Instant,
        shared: &Arc<Shared>,
    ) -> Delivery {
        self.place(datagram, to, |state, datagram| {
            let in_flight = state.in_flight.get_or_insert_with(|| Box::new(InFlight::new(shared.clone())));
            in_flight.add(due, datagram, to);
        })
    }

    /// Puts a datagram where there is room for it.
    fn place(&self, datagram: Datagram, to: IpAddr, put: impl FnOnce(&mut State, Datagram)) -> Delivery {
        let cost = datagram.cost();
        let mut state = lock(&self.state);
        if !state.accepts(datagram.from, to) {
            return Delivery::Refused;
        }
        let queued = state.queued.saturating_add(cost);
        if queued > self.account.capacity() {
            state.dropped = state.dropped.saturating_add(1);
            self.account.count_drop();
            self.tally().inspect(|tally| tally.dropped());
            return Delivery::Full;
        }
        state.queued = queued;
        self.account.received(cost);
        put(&mut state, datagram);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Delivery::Queued
    }

    /// Lets arrive what is due. Gives what is to be dropped after the lock.
    fn land(&self, state: &mut State) -> Option<Box<InFlight>> {
        // Without faults not even the time is asked for.
        let now = state.in_flight.as_ref().map(|_| Instant::now())?;
        while let Some((datagram, to)) = state.in_flight.as_mut()?.land(now) {
            if state.accepts(datagram.from, to) {
                self.tally().inspect(|tally| tally.received(datagram.data.len()));
                state.queue.push_back(datagram);
            } else {
                state.queued = state.queued.saturating_sub(datagram.cost());
                self.account.settled(datagram.cost());
            }
        }
        state.in_flight.take_if(|in_flight| in_flight.is_empty())
    }

    pub(super) fn receive(&self) -> Result<Option<Datagram>, NetError> {
        let mut state = lock(&self.state);
        let landed = self.land(&mut state);
        let received = self.take(&mut state);
        drop(state);
        drop(landed);
        received
    }

    fn take(&self, state: &mut State) -> Result<Option<Datagram>, NetError> {
        state.tell()?;
        let Some(datagram) = state.queue.pop_front() else { return Ok(None) };
        state.queued = state.queued.saturating_sub(datagram.cost());
        self.account.settled(datagram.cost());
        if state.queue.is_empty() && state.queue.capacity() > KEPT {
            state.queue = VecDeque::new();
        }
        Ok(Some(datagram))
    }

    /// Ready when `receive` would give a datagram or an error.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = lock(&self.state);
            let landed = self.land(&mut state);
            if !state.queue.is_empty() || state.heard.is_some() || state.ended {
                drop(state);
                drop(landed);
                return Poll::Ready(());
            }
            let replaced = state.reader.register(cx);
            let awaited = state.in_flight.as_mut().map(|in_flight| in_flight.begin_wait());
            drop(state);
            drop((replaced, landed));
            let Some((mut wait, due)) = awaited else { return Poll::Pending };
            let arrives = wait.poll(due, wait.generation(), cx);
            self.keep(wait);
            ready!(arrives);
        }
    }

    /// Keeps the wait of the reader until it polls again.
    fn keep(&self, wait: Wait) {
        let mut state = lock(&self.state);
        let replaced = match &mut state.in_flight {
            Some(in_flight) => in_flight.keep(wait),
            None => Some(wait),
        };
        drop(state);
        drop(replaced);
    }

    /// Where a send goes: to the peer of a connected socket, which `target` may repeat, or to `target`.
    pub(super) fn start_send(&self, target: Option<SocketAddr>) -> Result<SocketAddr, NetError> {
        let mut state = lock(&self.state);
        let target = match (state.association, target) {
            (Some(association), None) => association.peer,
            (Some(association), Some(target)) if association.peer != target => {
                return Err(NetError::InvalidArgument);
            }
            (_, Some(target)) => target,
            (None, None) => return Err(NetError::InvalidState),
        };
        state.tell()?;
        Ok(target)
    }

    /// The socket sends to `peer` with the policy's consent, so `peer` may answer.
    pub(super) fn ask(&self, peer: SocketAddrV4) {
        lock(&self.state).asked.note(peer, Instant::now());
    }

    /// Whether the socket waits for something from `peer`, whatever the policy says to `peer`.
    pub(super) fn awaits(&self, peer: SocketAddrV4) -> bool {
        let mut state = lock(&self.state);
        let connected = state.association.is_some_and(|association| association.peer == peer.into());
        connected || state.asked.admits(peer, Instant::now())
    }

    /// What came of a send to `target`, for the next operation to tell if the socket is connected to it.
    pub(super) fn hear(&self, target: SocketAddr, error: NetError) {
        let mut state = lock(&self.state);
        if state.association.is_none_or(|association| association.peer != target) {
            return;
        }
        state.heard = Some(error);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Connects the socket; what has come from others is gone.
    pub(super) fn associate(&self, association: Association) -> Result<(), NetError> {
        let mut state = lock(&self.state);
        if state.ended {
            return Err(NetError::ConnectionAborted);
        }
        state.association = Some(association);
        state.heard = None;
        let (kept, gone): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut state.queue).into_iter().partition(|d| d.from == association.peer);
        let cost = gone.iter().map(Datagram::cost).sum();
        state.queue = kept;
        state.queued = state.queued.saturating_sub(cost);
        self.account.settled(cost);
        drop(state);
        drop(gone);
        Ok(())
    }

    /// Takes the peer away, if there is one.
    pub(super) fn dissociate(&self) -> Result<(), NetError> {
        let mut state = lock(&self.state);
        state.heard = None;
        state.association.take().map(drop).ok_or(NetError::InvalidState)
    }

    pub(super) fn association(&self) -> Option<Association> {
        lock(&self.state).association
    }

    pub(super) fn dropped(&self) -> u64 {
        lock(&self.state).dropped
    }

    /// The interface has ended: everything fails from now on, and what was not read is gone.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        let queue = (std::mem::take(&mut state.queue), state.in_flight.take());
        self.account.settled(std::mem::take(&mut state.queued));
        let reader = state.reader.take();
        drop(state);
        drop(queue);
        wake(reader);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.account.settled(lock(&self.state).queued);
    }
}
