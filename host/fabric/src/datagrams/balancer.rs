//! The loop of one public port, for clients outside.

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
use wasm_roles_virtual_network::{AnswerSink, FlowError};

use super::DatagramLoss;
use super::exchange::{Exchange, FlowTaker, Source};
use super::flows::Activity;
use super::losses::Losses;
use crate::backends::Backends;
use crate::events::{EventKind, Herald};
use crate::public_socket::{Gone, Received, Use};
use crate::tally;

/// The wait after the operating system gave no datagram.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);
/// Room for the largest datagram.
const LARGEST: usize = 65_535;

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

/// Somebody outside who sends.
struct Client<'a> {
    address: SocketAddr,
    socket: &'a Arc<UdpSocket>,
    lost: &'a Arc<LostAnswers>,
}

impl<T: FlowTaker> Source<T> for Client<'_> {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn open(&self, taker: &T, port: NonZeroU16, activity: Arc<Activity>) -> Result<T::Flow, FlowError> {
        let (client, lost) = (self.address, Arc::clone(self.lost));
        let answers = Answers { socket: Arc::clone(self.socket), client, activity, lost };
        taker.open(port, client, Arc::new(answers))
    }

    fn owns(&self, _flow: &T::Flow) -> bool {
        true
    }
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
    Received(Result<io::Result<Received>, Gone>),
    ChoiceChanged,
    Look,
}

/// The state of the loop.
struct Port<T: FlowTaker> {
    exchange: Exchange<T>,
    herald: Herald,
    /// The one that all flows came from.
    socket: Arc<UdpSocket>,
    lost: Losses,
    lost_answers: Arc<LostAnswers>,
}

impl<T: FlowTaker> DatagramBalancer<T> {
    /// Serves the port until the task is aborted, or somebody else serves it.
    pub(crate) async fn serve(self, socket: Use<Arc<UdpSocket>>) {
        let port = Port {
            exchange: Exchange::new(self.backends),
            herald: self.herald,
            socket: socket.now(),
            lost: Losses::default(),
            lost_answers: Arc::default(),
        };
        port.serve(&socket).await;
    }
}

impl<T: FlowTaker> Port<T> {
    async fn serve(mut self, slot: &Use<Arc<UdpSocket>>) {
        let (mut changes, mut room) = (self.exchange.changes(), vec![0; LARGEST]);
        let lost_answers = Arc::clone(&self.lost_answers);
        loop {
            let next = tokio::select! {
                received = slot.receive(&mut room) => Next::Received(received),
                () = changes.next() => Next::ChoiceChanged,
                () = idle_until(self.exchange.due()) => Next::Look,
                () = tally::due(self.lost.tallies()) => Next::Look,
                () = lost_answers.news.notified() => Next::Look,
            };
            match next {
                Next::Received(Ok(Ok(Received { length, client, socket }))) => {
                    let data = Bytes::copy_from_slice(room.get(..length).unwrap_or_default());
                    self.follow(socket);
                    self.receive(client, &data);
                }
                Next::Received(Ok(Err(error))) => self.rest(&error).await,
                Next::Received(Err(Gone::Exchanged)) => {}
                Next::Received(Err(Gone::Displaced)) => return,
                Next::ChoiceChanged => self.exchange.end_flows_of_the_gone(),
                Next::Look => {}
            }
            self.follow(slot.now());
            self.exchange.expire(Instant::now());
            self.tell();
        }
    }

    /// The flows of another socket end: their clients are another deployment's now.
    fn follow(&mut self, socket: Arc<UdpSocket>) {
        if !Arc::ptr_eq(&self.socket, &socket) {
            self.exchange.end_all_flows();
            self.socket = socket;
        }
    }

    /// A client sends.
    fn receive(&mut self, client: SocketAddr, data: &Bytes) {
        let client = Client { address: client, socket: &self.socket, lost: &self.lost_answers };
        if let Err(loss) = self.exchange.receive(&client, data) {
            self.lost.count(loss, 1);
        }
    }

    fn tell(&mut self) {
        match self.lost_answers.count.swap(0, Ordering::Relaxed) {
            0 => {}
            datagrams => self.lost.count(DatagramLoss::AnswerNotSent, datagrams),
        }
        self.lost.tell(&self.herald, self.exchange.public());
    }

    async fn rest(&self, error: &io::Error) {
        // What became of an answer, which is lost as any datagram may be.
        if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
            return;
        }
        let PublicPort { port, transport, .. } = *self.exchange.public();
        self.herald.tell(EventKind::AcceptFailed { port, transport, reason: error.to_string() });
        sleep(RECEIVE_PAUSE).await;
    }
}

/// Waits until something is due; for ever when nothing is.
pub(super) async fn idle_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
