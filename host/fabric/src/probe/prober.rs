//! Tries the instances of a role, for one public port.

use std::collections::BTreeSet;
use std::future::pending;
use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use wasm_roles_service_plan::{InstanceId, PlannedProbe, PublicPort};

use super::health::{Finding, Health};
use super::{ProbeFailure, Probed};
use crate::events::{EventKind, Herald};
use crate::rotation::Rotation;

/// The ordinals of the instances that answer.
pub(crate) type Healthy = BTreeSet<u32>;

/// The probe of one public port.
pub(crate) struct Prober<T>(Arc<Shared<T>>);

struct Shared<T> {
    public: PublicPort,
    probe: PlannedProbe,
    running: watch::Receiver<Rotation<T>>,
    healthy: watch::Sender<Healthy>,
    /// Those whose incarnation of now has answered, and is not Down.
    proved: watch::Sender<Healthy>,
    herald: Herald,
    tries: AtomicU16,
}

impl<T: Probed> Prober<T> {
    pub(crate) fn new(
        public: PublicPort,
        probe: PlannedProbe,
        running: watch::Receiver<Rotation<T>>,
        herald: Herald,
    ) -> Self {
        let [healthy, proved] = [(), ()].map(|()| watch::Sender::new(Healthy::new()));
        Self(Arc::new(Shared { public, probe, running, healthy, proved, herald, tries: AtomicU16::new(0) }))
    }

    /// Who answers.
    pub(crate) fn healthy(&self) -> watch::Receiver<Healthy> {
        self.0.healthy.subscribe()
    }

    /// Who has answered since it was started last.
    pub(crate) fn proved(&self) -> watch::Receiver<Healthy> {
        self.0.proved.subscribe()
    }

    /// Looks after everybody who runs until the task is aborted.
    pub(crate) async fn run(self) {
        let (mut running, mut watched) = (self.0.running.clone(), Healthy::new());
        let mut watches = JoinSet::new();
        loop {
            let ordinals: Vec<u32> = running.borrow_and_update().ordinals().collect();
            for ordinal in ordinals.into_iter().filter(|ordinal| watched.insert(*ordinal)) {
                watches.spawn(Arc::clone(&self.0).watch(ordinal));
            }
            tokio::select! {
                Some(Ok(gone)) = watches.join_next() => {
                    watched.remove(&gone);
                }
                changed = running.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl<T: Probed> Shared<T> {
    /// Looks after one instance until it is Down and does not run either.
    async fn watch(self: Arc<Self>, ordinal: u32) -> u32 {
        let mut watch = Watch {
            health: Health::new(&self.probe, Instant::now()),
            failure: ProbeFailure::NoAnswer,
            shared: &self,
            ordinal,
        };
        loop {
            let began = Instant::now();
            let answer = watch.during(self.answer(ordinal)).await;
            let now = Instant::now();
            match answer {
                Ok(()) => {
                    self.proved.send_if_modified(|proved| proved.insert(ordinal));
                    let finding = watch.health.succeeded(now);
                    watch.found(finding);
                }
                Err(ProbeFailure::NotRunning) if watch.health.is_down() => return ordinal,
                Err(failure) => watch.failure = failure,
            }
            let next = watch.health.next_try(began).max(now);
            let waited = async {
                tokio::select! {
                    biased;
                    () = self.comes_back(ordinal) => true,
                    () = sleep_until(next) => false,
                }
            };
            if watch.during(waited).await {
                self.proved.send_if_modified(|proved| proved.remove(&ordinal));
                watch.health.renewed(Instant::now());
            }
        }
    }

    /// Waits until another incarnation of the instance runs.
    async fn comes_back(&self, ordinal: u32) {
        let mut running = self.running.clone();
        let gone = running.wait_for(|running| running.get(ordinal).is_none()).await.is_ok();
        if !gone || running.wait_for(|running| running.get(ordinal).is_some()).await.is_err() {
            pending().await
        }
    }

    /// One try. It has until the next one is due.
    async fn answer(&self, ordinal: u32) -> Result<(), ProbeFailure> {
        // Not held over the try: the incarnation may end meanwhile.
        let target = self.running.borrow().get(ordinal).cloned().ok_or(ProbeFailure::NotRunning)?;
        let probe = target.tried(&self.public, &self.probe);
        let answer = target.answers(&probe, self.next_port());
        timeout(self.probe.interval, answer).await.unwrap_or(Err(ProbeFailure::NoAnswer))
    }

    /// Tries come from the dynamic ports in turn.
    fn next_port(&self) -> NonZeroU16 {
        let number = self.tries.fetch_add(1, Ordering::Relaxed);
        NonZeroU16::MIN.saturating_add(49_151 + number % 16_384)
    }
}

/// The watch over one instance.
struct Watch<'a, T> {
    health: Health,
    /// How the last try failed that did.
    failure: ProbeFailure,
    shared: &'a Shared<T>,
    ordinal: u32,
}

impl<T: Probed> Watch<'_, T> {
    /// Waits for `work`, and meanwhile for the time-out.
    async fn during<W: Future>(&mut self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            let deadline = self.health.deadline();
            let overdue = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = overdue => {
                    let finding = self.health.passed(Instant::now());
                    self.found(finding);
                }
            }
        }
    }

    fn found(&self, finding: Option<Finding>) {
        let (Some(finding), Shared { public, probe, healthy, herald, running, .. }) = (finding, self.shared)
        else {
            return;
        };
        let ordinal = self.ordinal;
        healthy.send_modify(|healthy| match finding {
            Finding::Up => {
                healthy.insert(ordinal);
            }
            Finding::Down => {
                healthy.remove(&ordinal);
            }
        });
        if finding == Finding::Down {
            self.shared.proved.send_if_modified(|proved| proved.remove(&ordinal));
        }
        let (instance, probe_name, port) =
            (InstanceId::new(&public.role, ordinal), probe.name.clone(), public.port);
        match finding {
            Finding::Up => herald.tell(EventKind::ProbeSucceeds { instance, probe: probe_name, port }),
            // What has become of an instance that does not run is told by its status.
            Finding::Down if running.borrow().get(ordinal).is_some() => {
                let (silence, failure) = (probe.timeout, self.failure);
                herald.tell(EventKind::ProbeFails { instance, probe: probe_name, port, silence, failure });
            }
            Finding::Down => {}
        }
    }
}

#[cfg(test)]
mod tests;
