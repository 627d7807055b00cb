//! A deployment in a slot: what it is, what is known of it, and the one operation that may change it.
//!
//! Whoever changes a deployment holds a [`Claim`], of which there is one at a time, and with it the running
//! [`Deployment`]. What only reads looks at handles that were taken when it started, and never waits for a change.

mod claim;
mod status;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasm_roles_control_interface::package::DeployOptions;
use wasm_roles_control_interface::{
    DeploymentRef, Detail, EventLine, LogLine, Refusal, RefusalCode, ServiceName, Slot, TenantName, Timestamp,
};
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{Clock, DataFolder, Deployment, Published, Seed, Statuses, Usages};
use wasm_roles_service_plan::Plan;

pub(crate) use claim::Claim;
pub(crate) use watching::Tee;

use crate::host::{Host, unwritten};
use crate::journal::Journal;
use crate::operations::Running;
use crate::record::folders::DeploymentFolder;
use crate::record::{DeploymentRecord, file};
use crate::sources::Sources;
use crate::tenants::Demand;
use crate::words::{Places, Told};

/// A deployment in a slot.
pub(crate) struct Unit {
    pub(crate) tenant: TenantName,
    pub(crate) service: ServiceName,
    /// The fabric's id: the seed's.
    pub(crate) id: String,
    pub(crate) seed: Seed,
    /// None: nothing of it is kept.
    pub(crate) folder: Option<DeploymentFolder>,
    clock: Clock,
    /// What is not told.
    places: Arc<Places>,
    /// What runs. Held by the one who has the claim.
    pub(crate) alive: tokio::sync::Mutex<Option<Alive>>,
    pub(crate) events: Journal<EventLine>,
    pub(crate) logs: Journal<LogLine>,
    /// Writes into the journals what the deployment tells.
    hearing: Mutex<Option<JoinHandle<()>>>,
    state: Mutex<State>,
    record: Mutex<Option<DeploymentRecord>>,
    /// Writes of the record are one after the other.
    saving: tokio::sync::Mutex<()>,
    /// The record in memory is newer than the one on the disk.
    unsaved: AtomicBool,
    /// Bytes of its packages.
    package_bytes: AtomicU64,
    /// A test wants it so.
    #[cfg(test)]
    pub(crate) disk_is_full: AtomicBool,
    /// It has been deleted, or given back.
    gone: watch::Sender<bool>,
}

/// What runs.
pub(crate) struct Alive {
    pub(crate) deployment: Deployment,
    /// None: it is somebody else's.
    pub(crate) data: Option<DataFolder>,
}

/// What is known of a deployment.
struct State {
    slot: Slot,
    phase: Phase,
    since: Timestamp,
    operation: Option<Arc<Running>>,
    seen: Option<Seen>,
    demand: Demand,
    published: Vec<Published>,
    held: BTreeSet<String>,
    problems: BTreeMap<Concern, Detail>,
}

/// What a problem is about. Of each there is the last one, until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Concern {
    /// Its record cannot be written.
    Record,
    /// The record of its service cannot be written.
    Slots,
    /// A package cannot be read that runs.
    Package,
}

/// Where a deployment is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being deployed or brought back.
    Starting,
    Running,
    Deleting,
    /// It is not there, although it should be.
    Failed {
        why: Detail,
        /// Nothing on the disk may be touched, since nobody knows what it is.
        untouchable: bool,
    },
}

/// What can be seen of a deployment that runs, also while it changes.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) plan: Arc<Plan>,
    /// What it is changed to.
    pub(crate) next: Option<Arc<Plan>>,
    pub(crate) sources: Arc<Sources>,
    /// The name of the configuration that runs.
    pub(crate) configuration: Option<String>,
    pub(crate) statuses: Statuses,
    pub(crate) usages: Usages,
    pub(crate) walk: watch::Receiver<wasm_roles_fabric::progress::WalkProgress>,
    /// The revision that each generation of the fabric runs; one that is not there: the current one.
    pub(crate) generations: Vec<(u32, u64)>,
    /// What the host grants it.
    pub(crate) rules: HostRules,
    /// What its package asks for; none without a package.
    pub(crate) options: Option<DeployOptions>,
}

/// Who a unit is.
pub(crate) struct Identity {
    pub(crate) tenant: TenantName,
    pub(crate) service: ServiceName,
    pub(crate) slot: Slot,
    pub(crate) id: String,
    pub(crate) seed: Seed,
    pub(crate) folder: Option<DeploymentFolder>,
    /// How often it was brought back.
    pub(crate) life: u32,
}

impl Unit {
    pub(crate) fn new(host: &Host, identity: Identity) -> Self {
        let options = &host.options;
        let Identity { tenant, service, slot, id, seed, folder, life } = identity;
        Self {
            tenant,
            service,
            id,
            seed,
            folder,
            clock: options.clock,
            places: Arc::clone(&host.places),
            alive: tokio::sync::Mutex::new(None),
            events: Journal::new(options.events, life),
            logs: Journal::new(options.logs, life),
            hearing: Mutex::new(None),
            state: Mutex::new(State {
                slot,
                phase: Phase::Starting,
                since: Timestamp::since_1970(options.clock.wall()),
                operation: None,
                seen: None,
                demand: Demand::of_something(),
                published: Vec::new(),
                held: BTreeSet::new(),
                problems: BTreeMap::new(),
            }),
            record: Mutex::new(None),
            saving: tokio::sync::Mutex::new(()),
            unsaved: AtomicBool::new(false),
            package_bytes: AtomicU64::new(0),
            #[cfg(test)]
            disk_is_full: AtomicBool::new(false),
            gone: watch::Sender::new(false),
        }
    }

    /// Its place.
    pub(crate) fn who(&self) -> DeploymentRef {
        DeploymentRef::new(self.service.clone(), self.slot())
    }

    pub(crate) fn slot(&self) -> Slot {
        self.state().slot
    }

    pub(crate) fn moved_to(&self, slot: Slot) {
        self.state().slot = slot;
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::since_1970(self.clock.wall())
    }

    pub(crate) fn demand(&self) -> Demand {
        self.state().demand
    }

    /// The same with its packages.
    pub(crate) fn uses(&self) -> Demand {
        self.demand().with_packages(self.package_bytes())
    }

    /// Bytes of its packages, as they were weighed last.
    pub(crate) fn package_bytes(&self) -> u64 {
        self.package_bytes.load(Ordering::Relaxed)
    }

    /// Weighs the packages that are on the disk.
    pub(crate) async fn weigh_packages(&self) {
        let Some(folder) = &self.folder else { return };
        self.package_bytes.store(folder.package_bytes().await, Ordering::Relaxed);
    }

    pub(crate) fn set_demand(&self, demand: Demand) {
        self.state().demand = demand;
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase.clone()
    }

    pub(crate) fn enters(&self, phase: Phase) {
        let now = self.now();
        let mut state = self.state();
        state.phase = phase;
        state.since = now;
    }

    /// What can be seen of it; none when it does not run.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.state().seen.clone()
    }

    /// It runs now.
    pub(crate) fn appears(&self, seen: Seen, deployment: &Deployment) {
        let mut state = self.state();
        state.seen = Some(seen);
        state.published = deployment.published().to_vec();
    }

    /// Changes what can be seen.
    pub(crate) fn look(&self, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = &mut self.state().seen {
            change(seen);
        }
    }

    /// Why it cannot be changed: nothing of it runs.
    pub(crate) fn does_not_run(&self) -> Refusal {
        let refusal = Refusal::new(RefusalCode::WrongState, format!("{} does not run", self.who()));
        refusal.hint("its `status` says why; `start` it when that is mended")
    }

    /// It does not run any more.
    pub(crate) fn disappears(&self) {
        let mut state = self.state();
        state.seen = None;
        state.published = Vec::new();
    }

    pub(crate) fn publishes(&self, published: &[Published]) {
        self.state().published = published.to_vec();
    }

    pub(crate) fn holds(&self, held: BTreeSet<String>) {
        self.state().held = held;
    }

    /// Something should not have failed, or it works again.
    pub(crate) fn notes(&self, concern: Concern, worked: &Result<(), Refusal>) {
        let problem = worked.as_ref().err().map(|refusal| {
            let Refusal { message, hint, .. } = refusal.clone();
            Detail { message, hint, ..Detail::default() }
        });
        let mut state = self.state();
        match problem {
            Some(problem) => drop(state.problems.insert(concern, problem)),
            None => drop(state.problems.remove(&concern)),
        }
    }

    /// The operation that runs.
    pub(crate) fn operation(&self) -> Option<Arc<Running>> {
        self.state().operation.clone()
    }

    /// Writes an event of the host's own.
    pub(crate) fn tells(&self, told: Told) {
        self.told_at(told, self.now());
    }

    /// Writes an event, without places of the host.
    fn told_at(&self, told: Told, time: Timestamp) {
        let told = told.hiding(&self.places);
        self.events.write(|sequence| told.line(sequence, time));
    }

    /// It is deleted or given back: nobody will hear of it any more.
    pub(crate) fn goes(&self) {
        self.disappears();
        self.events.close();
        self.logs.close();
        self.gone.send_replace(true);
    }

    pub(crate) fn gone(&self) -> watch::Receiver<bool> {
        self.gone.subscribe()
    }

    /// What is kept of it; none as long as nothing is.
    pub(crate) fn record(&self) -> Option<DeploymentRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at what is kept of it.
    pub(crate) fn with_record<T>(&self, look: impl FnOnce(&DeploymentRecord) -> T) -> Option<T> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// The revision that runs.
    pub(crate) fn revision(&self) -> u64 {
        self.with_record(|record| record.current.revision).unwrap_or(1)
    }

    /// The record as it was read.
    pub(crate) fn was_recorded(&self, record: DeploymentRecord) {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(record);
    }

    /// Replaces the record, before what it says happens. It should not be dropped half-way.
    ///
    /// # Errors
    ///
    /// What the operating system says. The record is the one before then, in memory and, as far as can be told, on the disk.
    pub(crate) async fn save(&self, record: DeploymentRecord) -> Result<(), Refusal> {
        let _saving = self.saving.lock().await;
        self.write(record.clone(), self.record()).await?;
        *self.record_mut() = Some(record);
        self.unsaved.store(false, Ordering::SeqCst);
        self.notes(Concern::Record, &Ok(()));
        Ok(())
    }

    /// Writes down that it goes. Where there is no room for that its record gets the name of one that was deleted, which needs none:
    /// whoever deletes something makes room.
    ///
    /// # Errors
    ///
    /// What the operating system says. It has not been written down then.
    pub(crate) async fn save_deleted(&self, record: DeploymentRecord) -> Result<(), Refusal> {
        let Err(refusal) = self.save(record.clone()).await else { return Ok(()) };
        let _saving = self.saving.lock().await;
        let Some(folder) = self.folder.clone() else { return Err(refusal) };
        let naming = tokio::task::spawn_blocking(move || file::rename(&folder.record(), &folder.deleted()));
        let Ok(Ok(())) = naming.await else { return Err(refusal) };
        *self.record_mut() = Some(record);
        self.unsaved.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Changes the record after what it says has happened. It counts from now on, whether it can be written or not: what cannot
    /// is written before the next operation begins.
    ///
    /// # Errors
    ///
    /// What the operating system says, which is among its problems until it can be written. The disk has the record before then.
    pub(crate) async fn keep_with(&self, change: impl FnOnce(&mut DeploymentRecord)) -> Result<(), Refusal> {
        let _saving = self.saving.lock().await;
        let Some(mut record) = self.record() else { return Ok(()) };
        change(&mut record);
        *self.record_mut() = Some(record.clone());
        let written = self.write(record, None).await;
        self.unsaved.store(written.is_err(), Ordering::SeqCst);
        self.notes(Concern::Record, &written);
        written
    }

    /// Writes what could not be written before.
    ///
    /// # Errors
    ///
    /// It still cannot.
    pub(crate) async fn catch_up(&self) -> Result<(), Refusal> {
        if !self.unsaved.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.keep_with(|_| {}).await.map_err(|refusal| {
            refusal.hint("make room on the host's disk; until then nothing of this deployment can be changed")
        })
    }

    /// `before`: what is to be there if the record cannot be written.
    async fn write(&self, record: DeploymentRecord, before: Option<DeploymentRecord>) -> Result<(), Refusal> {
        let Some(folder) = &self.folder else { return Ok(()) };
        #[cfg(test)]
        if self.disk_is_full.load(Ordering::SeqCst) {
            return Err(unwritten("the record cannot be written", &"the test says that the disk is full"));
        }
        let path = folder.record();
        let what = || format!("the record of {} cannot be written", self.who());
        let writing = tokio::task::spawn_blocking(move || file::replace(&path, &record, before.as_ref()));
        let written = writing.await.map_err(|error| unwritten(&what(), &error))?;
        written.map_err(|error| unwritten(&what(), &error))
    }

    fn record_mut(&self) -> MutexGuard<'_, Option<DeploymentRecord>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
