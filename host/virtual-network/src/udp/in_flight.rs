//! Datagrams that faults let arrive later, in the order of their arrival.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::inbox::Datagram;
use crate::faults::Wait;
use crate::network::Shared;

pub(super) struct InFlight {
    shared: Arc<Shared>,
    /// By time, and in the order of the sends where that is the same.
    datagrams: BTreeMap<(Instant, u64), (Datagram, IpAddr)>,
    sent: u64,
    wait: Option<Wait>,
}

impl InFlight {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, datagrams: BTreeMap::new(), sent: 0, wait: None }
    }

    pub(super) fn add(&mut self, due: Instant, datagram: Datagram, to: IpAddr) {
        self.datagrams.insert((due, self.sent), (datagram, to));
        self.sent = self.sent.wrapping_add(1);
    }

    /// The next datagram that has arrived, and the address that it was sent to.
    pub(super) fn land(&mut self, now: Instant) -> Option<(Datagram, IpAddr)> {
        let first = self.datagrams.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// The wait of the reader, and when the next datagram arrives.
    pub(super) fn begin_wait(&mut self) -> (Wait, Option<Instant>) {
        let wait = self.wait.take().unwrap_or_else(|| Wait::new(self.shared.clone()));
        (wait, self.datagrams.first_key_value().map(|((due, _), _)| *due))
    }

    /// Keeps a wait; the one that it replaces is given back, to be dropped after the lock.
    pub(super) fn keep(&mut self, wait: Wait) -> Option<Wait> {
        self.wait.replace(wait)
    }
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InFlight").field("datagrams", &self.datagrams.len()).finish_non_exhaustive()
    }
}
