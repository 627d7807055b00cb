//! A public port for the deployment's own instances: the same choice among the same instances, and nothing passes through
//! the operating system.
//!
//! A datagram is passed on in the task of the guest that sends it. The port's own task ends flows when it is time, and holds
//! the port: when it ends, nobody serves the port any more, and its flows are closed. They and the turn are apart from those
//! of the clients outside, so that neither can push out the other's.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;
use wasm_roles_virtual_network::{FlowError, InsideClient, OutsideFlow};

use super::balancer::idle_until;
use super::exchange::{Exchange, FlowTaker, Source};
use super::flows::Activity;
use super::losses::Losses;
use crate::backends::Backends;
use crate::entry::Entry;
use crate::events::Herald;

impl Source<Entry> for InsideClient<'_> {
    fn address(&self) -> SocketAddr {
        InsideClient::address(self).into()
    }

    fn open(
        &self,
        taker: &Entry,
        port: NonZeroU16,
        activity: Arc<Activity>,
    ) -> Result<OutsideFlow, FlowError> {
        self.open_flow(taker.interface(), port, move || activity.note(Instant::now()))
    }

    fn owns(&self, flow: &OutsideFlow) -> bool {
        self.has(flow)
    }
}

/// One public port.
pub(crate) struct InsidePort<T: FlowTaker> {
    herald: Herald,
    state: Mutex<State<T>>,
    /// Something is due earlier than it was.
    earlier: Notify,
}

struct State<T: FlowTaker> {
    exchange: Exchange<T>,
    lost: Losses,
}

impl<T: FlowTaker> State<T> {
    fn due(&self) -> Option<Instant> {
        [self.exchange.due(), self.lost.due()].into_iter().flatten().min()
    }
}

impl<T: FlowTaker> InsidePort<T> {
    pub(crate) fn new(backends: Backends<T>, herald: Herald) -> Self {
        let state = State { exchange: Exchange::new(backends), lost: Losses::default() };
        Self { herald, state: Mutex::new(state), earlier: Notify::new() }
    }

    /// An instance sends.
    pub(crate) fn pass_on(&self, client: &impl Source<T>, data: &Bytes) {
        let mut state = self.state();
        let before = state.due();
        if let Err(loss) = state.exchange.receive(client, data) {
            state.lost.count(loss, 1);
        }
        let is_earlier = state.due().is_some_and(|due| before.is_none_or(|before| due < before));
        drop(state);
        if is_earlier {
            self.earlier.notify_one();
        }
    }

    /// Ends flows and tells of losses until the task is aborted.
    pub(crate) async fn serve(self: Arc<Self>) {
        let mut changes = self.state().exchange.changes();
        loop {
            let due = self.look();
            tokio::select! {
                () = changes.next() => self.state().exchange.end_flows_of_the_gone(),
                () = idle_until(due) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Does what is due, and says when something is next.
    fn look(&self) -> Option<Instant> {
        let mut state = self.state();
        let State { exchange, lost } = &mut *state;
        exchange.expire(Instant::now());
        lost.tell(&self.herald, exchange.public());
        state.due()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
