//! Who gets the datagrams of one public port: whoever has the client's flow, or else whose turn it is.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{AnswerSink, FlowError, OutsideFlow, Undelivered};

use super::flows::{Activity, Flow, Flows};
use super::{DatagramLoss, FLOWS, IDLE_TIMEOUT};
use crate::backends::{Backends, Changes};
use crate::entry::{Entry, Leads};
use crate::rotation::Turn;

/// What takes datagrams of clients: an interface of the virtual network.
pub(crate) trait FlowTaker: Leads + Clone {
    /// A flow; dropping it closes it.
    type Flow: Send;

    /// Opens a flow between a client and a port of the instance.
    fn open(
        &self,
        port: NonZeroU16,
        client: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<Self::Flow, FlowError>;

    /// Whether the flow is one of this very incarnation.
    fn has(&self, flow: &Self::Flow) -> bool;

    /// Gives a datagram of the client to the instance.
    fn deliver(flow: &Self::Flow, data: Bytes) -> Result<(), Undelivered>;
}

impl FlowTaker for Entry {
    type Flow = OutsideFlow;

    fn open(
        &self,
        port: NonZeroU16,
        client: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<OutsideFlow, FlowError> {
        self.interface().open_flow(port, client, sink)
    }

    fn has(&self, flow: &OutsideFlow) -> bool {
        flow.is_of(self.interface())
    }

    fn deliver(flow: &OutsideFlow, data: Bytes) -> Result<(), Undelivered> {
        flow.deliver(data)
    }
}

/// Somebody who sends to a public port.
pub(crate) trait Source<T: FlowTaker> {
    /// The address that the instance sees.
    fn address(&self) -> SocketAddr;

    /// Opens a flow with a port of an instance. Each answer is noted in `activity`.
    fn open(&self, taker: &T, port: NonZeroU16, activity: Arc<Activity>) -> Result<T::Flow, FlowError>;

    /// Whether a flow of the address is its own, and not one of somebody who had the address before.
    fn owns(&self, flow: &T::Flow) -> bool;
}

/// The flows of one public port, and whose turn it is.
pub(super) struct Exchange<T: FlowTaker> {
    backends: Backends<T>,
    flows: Flows<T::Flow>,
    turn: Turn,
}

impl<T: FlowTaker> Exchange<T> {
    pub(super) fn new(backends: Backends<T>) -> Self {
        let idle = backends.public.idle_timeout.unwrap_or(IDLE_TIMEOUT);
        Self { backends, flows: Flows::new(FLOWS, idle), turn: Turn::default() }
    }

    pub(super) fn public(&self) -> &PublicPort {
        &self.backends.public
    }

    /// Wakes up when it is time to [end flows](Self::end_flows_of_the_gone).
    pub(super) fn changes(&self) -> Changes<T> {
        self.backends.changes()
    }

    /// Somebody sends.
    pub(super) fn receive(&mut self, client: &impl Source<T>, data: &Bytes) -> Result<(), DatagramLoss> {
        match self.deliver(client, data) {
            Some(outcome) => outcome,
            None => self.begin(client, data),
        }
    }

    /// Goes on with the client's flow; none when it has none whose instance can take the datagram.
    fn deliver(&mut self, client: &impl Source<T>, data: &Bytes) -> Option<Result<(), DatagramLoss>> {
        let flow = self.flows.get(client.address())?;
        let backends = &self.backends;
        let is_there = client.owns(&flow.held)
            && backends.admits(flow.ordinal)
            && backends.rotation.borrow().get(flow.ordinal).is_some_and(|taker| taker.has(&flow.held));
        let delivered =
            if is_there { T::deliver(&flow.held, data.clone()) } else { Err(Undelivered::NotBound) };
        match delivered {
            Ok(()) => {
                flow.activity.note(Instant::now());
                Some(Ok(()))
            }
            Err(Undelivered::NotBound) => {
                self.flows.remove(client.address());
                None
            }
            Err(_) => Some(Err(DatagramLoss::QueueFull)),
        }
    }

    /// Begins a flow with the first who takes it.
    fn begin(&mut self, client: &impl Source<T>, data: &Bytes) -> Result<(), DatagramLoss> {
        let (address, now) = (client.address(), Instant::now());
        for place in 0.. {
            // The rotation is not locked while somebody is asked: whoever takes a datagram wakes others, which may come back here.
            let Some((ordinal, taker)) = self.backends.nth(place, address.ip(), self.turn) else { break };
            let Some(port) = taker.leads(&self.backends.public) else { continue };
            let activity = Arc::new(Activity::new(now));
            let held = match client.open(&taker, port, Arc::clone(&activity)) {
                Ok(held) => held,
                Err(FlowError::NotIpv4) => return Err(DatagramLoss::NotIpv4),
                // Another public port leads to the same one, and has this client.
                Err(_) => continue,
            };
            let outcome = match T::deliver(&held, data.clone()) {
                Ok(()) => Ok(()),
                Err(Undelivered::NotBound) => continue,
                Err(_) => Err(DatagramLoss::QueueFull),
            };
            self.turn = Turn::taken_by(ordinal);
            self.flows.insert(address, Flow { held, ordinal, activity });
            return outcome;
        }
        Err(DatagramLoss::NobodyTakes)
    }

    /// Ends the flows of instances that cannot be chosen any more.
    pub(super) fn end_flows_of_the_gone(&mut self) {
        let (backends, rotation) = (&self.backends, self.backends.rotation.borrow());
        let ended = self.flows.take_unless(|flow| {
            backends.admits(flow.ordinal)
                && rotation.get(flow.ordinal).is_some_and(|taker| taker.has(&flow.held))
        });
        // Closing a flow may wake others, too.
        drop(rotation);
        drop(ended);
    }

    /// Ends all flows.
    pub(super) fn end_all_flows(&mut self) {
        self.flows.clear();
    }

    /// Ends the flows that have been idle for their time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.flows.expire(now);
    }

    /// When a flow may have been idle for its time next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.flows.due()
    }
}
