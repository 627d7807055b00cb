//! One connection, as the server sees it from outside.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_virtual_network::TcpStream;

use super::exchange::Exchange;
use super::limits::WebLimits;
use super::patience::Patience;
use crate::client::ClientHeaders;

/// One connection. The future that serves it does the work; the server looks at this and gives it orders.
#[derive(Debug)]
pub(super) struct Link {
    /// Where the connection was made to.
    pub(super) local: SocketAddr,
    pub(super) port: NonZeroU16,
    pub(super) secured: bool,
    pub(super) client: ClientHeaders,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    http2: bool,
    exchanges: Vec<Arc<Exchange>>,
    writing: Patience,
    order: Option<Order>,
    connection: Option<Waker>,
    returned: Option<TcpStream>,
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is open, and nothing came yet.
    Fresh,
    /// A part of a request's head is here.
    Head,
    /// There are requests.
    Busy,
    /// The last request is over.
    Idle,
    /// It is being closed.
    Closing,
}

/// What the server wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// No more requests than it has; if it has none, it closes.
    Finish,
    /// As before, for one that has been too slow with the head of a request: it is told so.
    TimedOut,
    /// Cut it off.
    Cut,
}

impl Link {
    pub(super) fn new(local: SocketAddr, secured: bool, client: ClientHeaders) -> Arc<Self> {
        let port = NonZeroU16::new(local.port()).unwrap_or(NonZeroU16::MIN);
        let state = State {
            phase: Phase::Fresh,
            since: Instant::now(),
            http2: false,
            exchanges: Vec::new(),
            writing: Patience::default(),
            order: None,
            connection: None,
            returned: None,
        };
        Arc::new(Self { local, port, secured, client, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It speaks HTTP/2: what comes in may be anything, not just requests.
    pub(super) fn speaks_http2(&self) {
        let mut state = self.state();
        state.http2 = true;
        state.enter(Phase::Idle);
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Fresh | Phase::Idle) && !state.http2 {
            // The time of the very first head runs from the start.
            let since = state.since;
            let fresh = state.phase == Phase::Fresh;
            state.enter(Phase::Head);
            if fresh {
                state.since = since;
            }
        }
    }

    /// The client takes no more for now.
    pub(super) fn blocked(&self) {
        self.state().writing.wait(Instant::now());
    }

    /// The client took so much, after it had been waited for.
    pub(super) fn unblocked(&self, bytes: usize) {
        let mut state = self.state();
        let now = Instant::now();
        state.writing.went_on(u64::try_from(bytes).unwrap_or(u64::MAX), now);
        if matches!(state.phase, Phase::Idle | Phase::Head) && !state.http2 {
            // It had the tail of a response to take first; only now is the next request its turn.
            state.since = now;
        }
    }

    /// A request begins.
    pub(super) fn begin(&self, exchange: &Arc<Exchange>) {
        let mut state = self.state();
        state.exchanges.push(Arc::clone(exchange));
        if state.phase != Phase::Busy {
            state.phase = Phase::Busy;
            state.since = exchange.began;
        }
    }

    /// A request is over.
    pub(super) fn end(&self, exchange: &Arc<Exchange>) {
        exchange.end();
        let mut state = self.state();
        if let Some(position) = state.exchanges.iter().position(|other| Arc::ptr_eq(other, exchange)) {
            state.exchanges.swap_remove(position);
        }
        if state.exchanges.is_empty() && state.phase == Phase::Busy {
            // The tail of the response may not be written yet: then the client is still waited for.
            state.writing.begin_anew(Instant::now());
            state.enter(Phase::Idle);
        }
    }

    /// It is being closed: no time runs any more but that of the closing itself.
    pub(super) fn close(&self) {
        self.state().enter(Phase::Closing);
    }

    /// Gives an order. A stronger one replaces a weaker one.
    pub(super) fn order(&self, order: Order) {
        let mut state = self.state();
        if state.order < Some(order) {
            state.order = Some(order);
            let connection = state.connection.take();
            drop(state);
            if let Some(connection) = connection {
                connection.wake();
            }
        }
    }

    /// The next order. Each is given once.
    pub(super) fn poll_order(&self, cx: &Context<'_>) -> Poll<Order> {
        let mut state = self.state();
        if let Some(order) = state.order.take() {
            return Poll::Ready(order);
        }
        match &mut state.connection {
            Some(waker) => waker.clone_from(cx.waker()),
            None => state.connection = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Since when it has had no request, and has none on its way as far as is known. None as well when it has an
    /// order, or has something to write that its client does not take.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        let idle = matches!(state.phase, Phase::Idle | Phase::Fresh) && state.order.is_none();
        let idle = idle && !state.writing.is_waiting();
        idle.then_some(state.since)
    }

    /// Whether it is in the middle of a request's head, and all that was written before is with the client.
    pub(super) fn reads_a_head(&self) -> bool {
        let state = self.state();
        matches!(state.phase, Phase::Head | Phase::Fresh) && !state.writing.is_waiting()
    }

    /// The stream, back from the library that used it.
    pub(super) fn give_back(&self, stream: TcpStream) {
        self.state().returned = Some(stream);
    }

    pub(super) fn take_back(&self) -> Option<TcpStream> {
        self.state().returned.take()
    }

    /// Looks at the clock, and gives the orders that follow. `draining`: since when the server drains. Returns when
    /// it has to look again at the latest, if nothing changes.
    pub(super) fn look(
        &self,
        limits: &WebLimits,
        draining: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let state = self.state();
        if state.writing.is_over(limits.slowest, now) {
            drop(state);
            self.order(Order::Cut);
            return None;
        }
        if state.writing.is_waiting() && !state.http2 && state.phase != Phase::Busy {
            return None; // it is not idle yet, and a word of the server would be taken for a part of the response
        }
        let (time, order) = match state.phase {
            Phase::Fresh | Phase::Head => (limits.head_time, Order::TimedOut),
            Phase::Idle => (limits.idle_time, Order::Finish),
            Phase::Closing => return None,
            Phase::Busy => {
                let exchanges = state.exchanges.clone();
                drop(state);
                // Every one is looked at, also after one that is stuck.
                let stuck = exchanges.iter().filter(|exchange| !exchange.look(limits, now)).count();
                if stuck > 0 {
                    self.order(Order::Cut);
                }
                return None;
            }
        };
        let (since, unused) = (state.since, state.phase != Phase::Head);
        drop(state);
        let mut due = after(since, time);
        if let Some(draining) = draining.filter(|_| unused) {
            let drained = after(since.max(draining), limits.drain_idle);
            if drained <= due {
                due = drained;
                if due <= now {
                    self.order(Order::Finish);
                    return None;
                }
            }
        }
        if due <= now {
            self.order(order);
            return None;
        }
        Some(due)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        if self.phase != Phase::Closing {
            self.phase = phase;
            self.since = Instant::now();
        }
    }
}

/// A time beyond the end of time is as good as never.
fn after(since: Instant, time: Duration) -> Instant {
    since.checked_add(time).unwrap_or_else(|| since + Duration::from_secs(60 * 60 * 24 * 365))
}
