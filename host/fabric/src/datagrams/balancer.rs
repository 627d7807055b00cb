//! The loop of one public port.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use wasm_roles_service_plan::PublicPort;
use wasm_roles_virtual_network::{AnswerSink, FlowError, Interface, OutsideFlow, Undelivered};

use super::flows::{Activity, Flow, Flows};
use super::{DatagramLoss, FLOWS, IDLE_TIMEOUT};
use crate::backends::Backends;
use crate::events::{EventKind, Herald};
use crate::rotation::Turn;
use crate::tally::{self, Tally};

/// How often losses of one kind are told of at most.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The wait after the operating system gave no datagram.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);
/// Room for the largest datagram.
const LARGEST: usize = 65_535;

/// What takes datagrams of clients: an interface of the virtual network.
pub(crate) trait FlowTaker {
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

impl FlowTaker for Interface {
    type Flow = OutsideFlow;

    fn open(
        &self,
        port: NonZeroU16,
        client: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<OutsideFlow, FlowError> {
        self.open_flow(port, client, sink)
    }

    fn has(&self, flow: &OutsideFlow) -> bool {
        flow.is_of(self)
    }

    fn deliver(flow: &OutsideFlow, data: Bytes) -> Result<(), Undelivered> {
        flow.deliver(data)
    }
}

/// One public port.
pub(crate) struct DatagramBalancer<T> {
    pub(crate) backends: Backends<T>,
    pub(crate) herald: Herald,
}

/// Answers that the operating system did not take.
#[derive(Default)]
struct LostAnswers {
    count: AtomicU64,
    news: Notify,
}

/// Where the answers to one client go.
struct Answers {
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    activity: Arc<Activity>,
    lost: Arc<LostAnswers>,
}

impl AnswerSink for Answers {
    fn answer(&self, data: Bytes) {
        if self.socket.try_send_to(&data, self.client).is_ok() {
            self.activity.note(Instant::now());
        } else {
            self.lost.count.fetch_add(1, Ordering::Relaxed);
            self.lost.news.notify_one();
        }
    }
}

/// What the loop is woken up by.
enum Next {
    Received(io::Result<(usize, SocketAddr)>),
    RotationChanged,
    Look,
}

/// The state of the loop.
struct Port<T: FlowTaker> {
    balancer: DatagramBalancer<T>,
    socket: Arc<UdpSocket>,
    flows: Flows<T::Flow>,
    turn: Turn,
    lost: BTreeMap<DatagramLoss, Tally>,
    lost_answers: Arc<LostAnswers>,
}

impl<T: FlowTaker> DatagramBalancer<T> {
    /// Serves the port until the task is aborted.
    pub(crate) async fn serve(self, socket: UdpSocket) {
        let idle = self.backends.public.idle_timeout.unwrap_or(IDLE_TIMEOUT);
        let port = Port {
            balancer: self,
            socket: Arc::new(socket),
            flows: Flows::new(FLOWS, idle),
            turn: Turn::default(),
            lost: BTreeMap::new(),
            lost_answers: Arc::default(),
        };
        port.serve().await;
    }
}

impl<T: FlowTaker> Port<T> {
    async fn serve(mut self) {
        let mut rotation = self.balancer.backends.rotation.clone();
        let (socket, mut room) = (Arc::clone(&self.socket), vec![0; LARGEST]);
        let lost_answers = Arc::clone(&self.lost_answers);
        loop {
            let next = tokio::select! {
                received = socket.recv_from(&mut room) => Next::Received(received),
                Ok(()) = rotation.changed() => Next::RotationChanged,
                () = idle_until(self.flows.due()) => Next::Look,
                () = tally::due(self.lost.values()) => Next::Look,
                () = lost_answers.news.notified() => Next::Look,
            };
            match next {
                Next::Received(Ok((length, client))) => {
                    let data = Bytes::copy_from_slice(room.get(..length).unwrap_or_default());
                    self.receive(client, &data);
                }
                Next::Received(Err(error)) => self.rest(&error).await,
                Next::RotationChanged => self.end_flows_of_the_gone(),
                Next::Look => {}
            }
            self.flows.expire(Instant::now());
            self.tell();
        }
    }

    /// A client sends.
    fn receive(&mut self, client: SocketAddr, data: &Bytes) {
        let outcome = match self.deliver(client, data) {
            Some(outcome) => outcome,
            None => self.begin(client, data),
        };
        if let Err(loss) = outcome {
            self.count(loss, 1);
        }
    }

    /// Goes on with the client's flow; none when it has none whose instance can take the datagram.
    fn deliver(&mut self, client: SocketAddr, data: &Bytes) -> Option<Result<(), DatagramLoss>> {
        let flow = self.flows.get(client)?;
        let backends = &self.balancer.backends;
        let is_there = backends.admits(flow.ordinal)
            && backends.rotation.borrow().get(flow.ordinal).is_some_and(|taker| taker.has(&flow.held));
        let delivered =
            if is_there { T::deliver(&flow.held, data.clone()) } else { Err(Undelivered::NotBound) };
        match delivered {
            Ok(()) => {
                flow.activity.note(Instant::now());
                Some(Ok(()))
            }
            Err(Undelivered::NotBound) => {
                self.flows.remove(client);
                None
            }
            Err(_) => Some(Err(DatagramLoss::QueueFull)),
        }
    }

    /// Begins a flow with the first who takes it.
    fn begin(&mut self, client: SocketAddr, data: &Bytes) -> Result<(), DatagramLoss> {
        let PublicPort { local_port, .. } = &self.balancer.backends.public;
        let (port, now) = (NonZeroU16::from(*local_port), Instant::now());
        let rotation = self.balancer.backends.rotation.borrow();
        for (ordinal, taker) in self.balancer.backends.in_order(&rotation, client.ip(), self.turn) {
            let activity = Arc::new(Activity::new(now));
            let sink = Answers {
                socket: Arc::clone(&self.socket),
                client,
                activity: Arc::clone(&activity),
                lost: Arc::clone(&self.lost_answers),
            };
            let held = match taker.open(port, client, Arc::new(sink)) {
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
            self.flows.insert(client, Flow { held, ordinal, activity });
            return outcome;
        }
        Err(DatagramLoss::NobodyTakes)
    }

    fn end_flows_of_the_gone(&mut self) {
        let rotation = self.balancer.backends.rotation.borrow();
        self.flows.retain(|flow| rotation.get(flow.ordinal).is_some_and(|taker| taker.has(&flow.held)));
    }

    fn count(&mut self, loss: DatagramLoss, datagrams: u64) {
        self.lost.entry(loss).or_insert_with(|| Tally::every(TELL_EVERY)).add(datagrams);
    }

    fn tell(&mut self) {
        match self.lost_answers.count.swap(0, Ordering::Relaxed) {
            0 => {}
            datagrams => self.count(DatagramLoss::AnswerNotSent, datagrams),
        }
        let (now, PublicPort { port, role, .. }) = (Instant::now(), &self.balancer.backends.public);
        for (loss, tally) in &mut self.lost {
            if let Some(datagrams) = tally.take_due(now) {
                let (port, role, loss) = (*port, role.clone(), *loss);
                self.balancer.herald.tell(EventKind::DatagramsLost { port, role, loss, datagrams });
            }
        }
    }

    async fn rest(&self, error: &io::Error) {
        // What became of an answer, which is lost as any datagram may be.
        if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
            return;
        }
        let port = self.balancer.backends.public.port;
        self.balancer.herald.tell(EventKind::AcceptFailed { port, reason: error.to_string() });
        sleep(RECEIVE_PAUSE).await;
    }
}

async fn idle_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
