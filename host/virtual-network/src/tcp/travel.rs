//! The way of a connect to its listener, while faults delay it or hold it back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::memory::Side;
use crate::NetError;
use crate::course::Link;
use crate::faults::{ConnectPassage, Passage, Wait};
use crate::network::InterfaceCore;

/// How a connect begins.
pub(super) enum Departure {
    /// Nothing is between it and the listener.
    Arrived,
    Travels(Box<Travel>),
}

/// A connect on its way.
pub(super) struct Travel {
    core: Arc<InterfaceCore>,
    link: Link,
    passage: Passage,
    /// The generation of the faults that the passage comes from.
    seen: u64,
    wait: Wait,
}

impl Travel {
    /// Sends a connect on its way; refused when a fault says so.
    pub(super) fn depart(
        core: &Arc<InterfaceCore>,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Result<Departure, NetError> {
        let shared = core.shared_handle();
        if !shared.faults.is_active() {
            return Ok(Departure::Arrived);
        }
        let Some(link) = Link::new(shared, client.ip(), server.ip()) else { return Ok(Departure::Arrived) };
        let seen = link.generation();
        let (from, to) = link.ends(Side::Client);
        match shared.connect_passage(from, to) {
            ConnectPassage::Refused => Err(NetError::ConnectionRefused),
            ConnectPassage::Travels(Passage::At(due)) if due <= Instant::now() => Ok(Departure::Arrived),
            ConnectPassage::Travels(passage) => {
                let wait = link.wait();
                Ok(Departure::Travels(Box::new(Self { core: core.clone(), link, passage, seen, wait })))
            }
        }
    }

    /// Who connects.
    pub(super) fn core(&self) -> &Arc<InterfaceCore> {
        &self.core
    }

    /// Whether it has arrived. What was held back tries again when the faults have changed.
    pub(super) fn is_over(&mut self) -> bool {
        let now = self.link.generation();
        if self.passage == Passage::Held && self.seen != now {
            self.seen = now;
            let (from, to) = self.link.ends(Side::Client);
            self.passage = match self.core.shared().connect_passage(from, to) {
                // The listener's side decides when it arrives; the fault came too late for this one.
                ConnectPassage::Refused => Passage::At(Instant::now()),
                ConnectPassage::Travels(passage) => passage,
            };
        }
        matches!(self.passage, Passage::At(due) if due <= Instant::now())
    }

    /// Ready when it has arrived.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.is_over() {
                return Poll::Ready(());
            }
            let due = match self.passage {
                Passage::At(due) => Some(due),
                Passage::Held => None,
            };
            // What is under way arrives, whatever happens to the faults.
            let seen = if due.is_some() { self.link.generation() } else { self.seen };
            std::task::ready!(self.wait.poll(due, seen, cx));
        }
    }
}
