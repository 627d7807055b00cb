//! All connections of a server in one future.
//!
//! Whoever polls it polls a bounded number of connections, each of which does a bounded amount of work: hyper gives
//! the thread back after some messages, and the streams of the network after the task has had its share of them.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, Sleep, sleep_until};
use wasm_roles_virtual_network::{TcpListener, TcpStream};

use super::Shared;
use super::connection;
use super::drain::Stage;
use super::limits::WebLimits;
use super::link::{Link, Order};
use super::refusal::NO_ROOM;
use super::room::Room;
use crate::Application;
use crate::client::ClientHeaders;

/// Connections that are polled in one turn at most.
const POLLS: usize = 64;

/// Connections that are accepted of one port in one turn at most.
const ACCEPTS: usize = 64;

/// Connections that are being closed to make room for new ones, at most.
const LEAVING: usize = 64;

pub(super) struct Serving<A: Application> {
    shared: Arc<Shared<A>>,
    listeners: Vec<TcpListener>,
    links: HashMap<u64, Arc<Link>>,
    next: u64,
    /// Since when it drains.
    draining: Option<Instant>,
    polls: Arc<AtomicUsize>,
    clockwork: Clockwork,
}

impl<A: Application> Serving<A> {
    pub(super) fn new(listeners: Vec<TcpListener>, shared: Arc<Shared<A>>) -> Self {
        Self {
            shared,
            listeners,
            links: HashMap::new(),
            next: 0,
            draining: None,
            polls: Arc::default(),
            clockwork: Clockwork::default(),
        }
    }

    /// Serves until it has drained.
    pub(super) async fn serve(mut self) {
        let drain = self.shared.drain.clone();
        let mut draining = pin!(drain.reached(Stage::Draining));
        let mut hurrying = pin!(drain.reached(Stage::Hurrying));
        let mut hurried = false;
        let mut connections = FuturesUnordered::new();
        poll_fn(|cx| {
            self.polls.store(POLLS, Ordering::Relaxed);
            if self.draining.is_none() && draining.as_mut().poll(cx).is_ready() {
                self.draining = Some(Instant::now());
                self.clockwork.look_now();
                // What had come until now is accepted, in this turn and the next ones; no more comes.
                self.listeners.iter().for_each(TcpListener::refuse_new);
            }
            let mut accepted = Vec::new();
            let capped = self.accept(cx, &mut accepted);
            if self.draining.is_some() && !capped {
                self.listeners.clear();
            }
            for (stream, link, room) in accepted {
                connections.push(self.connection(stream, link, room));
            }
            if !hurried && hurrying.as_mut().poll(cx).is_ready() {
                hurried = true;
                self.links
                    .values()
                    .filter(|link| link.idle_since().is_some())
                    .for_each(|link| link.order(Order::Finish));
            }
            self.keep_time(cx);
            while let Poll::Ready(Some(number)) = connections.poll_next_unpin(cx) {
                self.links.remove(&number);
            }
            if self.draining.is_some() && self.listeners.is_empty() && connections.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Accepts what has come. True: there may be more, in the next turn.
    fn accept(&self, cx: &mut Context<'_>, accepted: &mut Vec<(TcpStream, Arc<Link>, Room)>) -> bool {
        let mut capped = false;
        let limits = &self.shared.options.limits;
        for listener in &self.listeners {
            for turn in 0.. {
                // An error: the interface has failed or was detached; connections that are open may still end well.
                let Poll::Ready(Ok(stream)) = listener.poll_accept(cx) else { break };
                let open = self.links.len().saturating_add(accepted.len());
                let buffers = u64::try_from(limits.head_bytes).unwrap_or(u64::MAX).saturating_mul(2);
                match Room::take(&self.shared.memory, buffers).filter(|_| self.has_place(open)) {
                    Some(room) => {
                        let link = self.link(&stream);
                        accepted.push((stream, link, room));
                    }
                    None => refuse(&stream),
                }
                if turn >= ACCEPTS {
                    cx.waker().wake_by_ref();
                    capped = true;
                    break;
                }
            }
        }
        capped
    }

    fn link(&self, stream: &TcpStream) -> Arc<Link> {
        let (local, peer) = (stream.local_address(), stream.peer_address());
        let client = ClientHeaders::new(peer.ip(), stream.is_from_outside(), stream.is_secured());
        Link::new(local, stream.is_secured(), client)
    }

    /// Whether one more than `open` connections may be open, when another one makes room for it if it has to.
    fn has_place(&self, open: usize) -> bool {
        let limit = self.shared.options.limits.connections;
        if open < limit {
            return true;
        }
        if open >= limit.saturating_add(LEAVING) {
            return false;
        }
        let idle = self.links.values().filter_map(|link| Some((link.idle_since()?, link)));
        match idle.min_by_key(|(since, _)| *since) {
            Some((_, oldest)) => {
                oldest.order(Order::Finish);
                true
            }
            None => false,
        }
    }

    /// The future of one connection; it says which one it was.
    fn connection(
        &mut self,
        stream: TcpStream,
        link: Arc<Link>,
        room: Room,
    ) -> impl Future<Output = u64> + Send + use<A> {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.links.insert(number, Arc::clone(&link));
        let serving = connection::serve(stream, link, room, Arc::clone(&self.shared));
        let polls = Arc::clone(&self.polls);
        async move {
            let mut serving = pin!(serving);
            poll_fn(|cx| {
                let left = |polls: usize| polls.checked_sub(1);
                if polls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_err() {
                    // The set gives up its turn when two of its futures have woken themselves.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                serving.as_mut().poll(cx)
            })
            .await;
            number
        }
    }

    /// Looks at the clock when it is time for that.
    fn keep_time(&mut self, cx: &mut Context<'_>) {
        let limits = &self.shared.options.limits;
        loop {
            if self.links.is_empty() {
                return self.clockwork.stop();
            }
            if self.clockwork.poll(cx).is_pending() {
                return;
            }
            let now = Instant::now();
            let latest = now + pause(limits);
            let due = self.links.values().filter_map(|link| link.look(limits, self.draining, now));
            self.clockwork.set(due.fold(latest, Instant::min));
        }
    }
}

/// The longest time between two looks: what changes in between is due only after the shortest of the times.
fn pause(limits: &WebLimits) -> Duration {
    let times =
        [limits.queue_time, limits.response_time, limits.head_time, limits.idle_time, limits.slowest.grace];
    let shortest = times.into_iter().min().unwrap_or_default();
    (shortest / 2).clamp(Duration::from_millis(10), Duration::from_secs(10))
}

fn refuse(stream: &TcpStream) {
    // One try, and no farewell: who is refused must not take up room for longer.
    let _ = stream.try_write(&mut Bytes::from_static(NO_ROOM));
    stream.shutdown_write();
}

/// A timer that is there only when it is needed.
#[derive(Default)]
struct Clockwork(Option<Pin<Box<Sleep>>>);

impl Clockwork {
    fn stop(&mut self) {
        self.0 = None;
    }

    /// It is time at the next poll.
    fn look_now(&mut self) {
        self.stop();
    }

    fn set(&mut self, due: Instant) {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(due),
            None => self.0 = Some(Box::pin(sleep_until(due))),
        }
    }

    /// Ready when it is time, or was never set.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(cx))
    }
}
