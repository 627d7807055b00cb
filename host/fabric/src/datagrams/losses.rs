//! Datagrams of one public port that were lost, told of now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_service_plan::PublicPort;

use super::DatagramLoss;
use crate::events::{EventKind, Herald};
use crate::tally::Tally;

/// How often losses of one kind are told of at most.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<DatagramLoss, Tally>);

impl Losses {
    pub(super) fn count(&mut self, loss: DatagramLoss, datagrams: u64) {
        self.0.entry(loss).or_insert_with(|| Tally::every(TELL_EVERY)).add(datagrams);
    }

    pub(super) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.0.values()
    }

    /// When there is something to tell: the time for that.
    pub(super) fn due(&self) -> Option<Instant> {
        self.tallies().filter_map(Tally::due_at).min()
    }

    /// Tells what it is time for.
    pub(super) fn tell(&mut self, herald: &Herald, public: &PublicPort) {
        let now = Instant::now();
        for (loss, tally) in &mut self.0 {
            if let Some(datagrams) = tally.take_due(now) {
                let (port, role, loss) = (public.port, public.role.clone(), *loss);
                herald.tell(EventKind::DatagramsLost { port, role, loss, datagrams });
            }
        }
    }
}
