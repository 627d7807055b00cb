//! A service: two slots, and which deployment is in which.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasm_roles_control_interface::{
    DeploymentRef, Detail, Refusal, RefusalCode, ServiceName, Slot, TenantName,
};

use crate::host::unwritten;
use crate::record::ServiceRecord;
use crate::record::file;
use crate::record::folders::{self, ServiceFolder};
use crate::unit::Unit;

/// A service of a tenant.
pub(crate) struct Service {
    pub(crate) tenant: TenantName,
    pub(crate) name: ServiceName,
    /// None: nothing of it is kept.
    pub(crate) folder: Option<ServiceFolder>,
    slots: Mutex<Slots>,
    record: tokio::sync::Mutex<ServiceRecord>,
    /// Why nothing of it can be changed: its record cannot be read.
    damaged: Option<Detail>,
}

#[derive(Default)]
struct Slots {
    production: Option<Arc<Unit>>,
    staging: Option<Arc<Unit>>,
}

impl Slots {
    const fn slot(&mut self, slot: Slot) -> &mut Option<Arc<Unit>> {
        match slot {
            Slot::Production => &mut self.production,
            Slot::Staging => &mut self.staging,
        }
    }
}

impl Service {
    pub(crate) fn new(tenant: TenantName, name: ServiceName, folder: Option<ServiceFolder>) -> Self {
        let record = ServiceRecord::empty(name.clone());
        Self::with_record(tenant, name, folder, record)
    }

    pub(crate) fn with_record(
        tenant: TenantName,
        name: ServiceName,
        folder: Option<ServiceFolder>,
        record: ServiceRecord,
    ) -> Self {
        let record = tokio::sync::Mutex::new(record);
        Self { tenant, name, folder, slots: Mutex::default(), record, damaged: None }
    }

    /// One whose record cannot be read.
    pub(crate) fn damaged(
        tenant: TenantName,
        name: ServiceName,
        folder: ServiceFolder,
        problem: Detail,
    ) -> Self {
        Self { damaged: Some(problem), ..Self::new(tenant, name, Some(folder)) }
    }

    pub(crate) fn unit(&self, slot: Slot) -> Option<Arc<Unit>> {
        self.slots().slot(slot).clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        let slots = self.slots();
        slots.production.is_none() && slots.staging.is_none()
    }

    /// Puts a deployment into an empty slot.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::AlreadyExists`] when there is one, and when nobody knows.
    pub(crate) fn occupy(&self, slot: Slot, unit: &Arc<Unit>) -> Result<(), Refusal> {
        let who = DeploymentRef::new(self.name.clone(), slot);
        if let Some(problem) = &self.damaged {
            let message = format!("what is in {who} is not known: {}", problem.message);
            let refusal = Refusal::new(RefusalCode::AlreadyExists, message);
            return Err(match &problem.hint {
                Some(hint) => refusal.hint(hint),
                None => refusal,
            });
        }
        let mut slots = self.slots();
        match slots.slot(slot) {
            Some(_) => {
                let refusal =
                    Refusal::new(RefusalCode::AlreadyExists, format!("{who} has a deployment already"));
                let other = DeploymentRef::new(self.name.clone(), slot.other());
                Err(refusal.hint(format!("upgrade it, deploy to {other}, or delete it first")))
            }
            empty => {
                *empty = Some(Arc::clone(unit));
                Ok(())
            }
        }
    }

    /// Puts what was found at the start into its slot.
    pub(crate) fn place(&self, slot: Slot, unit: Arc<Unit>) {
        *self.slots().slot(slot) = Some(unit);
    }

    /// Takes a deployment out of its slot.
    pub(crate) fn vacate(&self, unit: &Unit) {
        let mut slots = self.slots();
        for slot in Slot::ALL {
            let slot = slots.slot(slot);
            if slot.as_ref().is_some_and(|there| there.id == unit.id) {
                *slot = None;
            }
        }
    }

    /// The deployments exchange their slots.
    pub(crate) fn swap(&self) {
        let mut slots = self.slots();
        let Slots { production, staging } = &mut *slots;
        std::mem::swap(production, staging);
        for slot in Slot::ALL {
            if let Some(unit) = slots.slot(slot) {
                unit.moved_to(slot);
            }
        }
    }

    /// Replaces the record.
    ///
    /// # Errors
    ///
    /// What the operating system says. The record in memory has not changed then.
    pub(crate) async fn save(&self, change: impl FnOnce(&mut ServiceRecord)) -> Result<(), Refusal> {
        let mut record = self.record.lock().await;
        let mut next = record.clone();
        change(&mut next);
        if let Some(folder) = &self.folder {
            let (folder, written, before) = (folder.clone(), next.clone(), record.clone());
            let writing = tokio::task::spawn_blocking(move || {
                folders::make(folder.path())?;
                file::replace(&folder.record(), &written, Some(&before))
            });
            let what = || format!("the record of service {} cannot be written", self.name);
            writing
                .await
                .map_err(|error| unwritten(&what(), &error))?
                .map_err(|error| unwritten(&what(), &error))?;
        }
        *record = next;
        Ok(())
    }

    /// Whether nobody writes its record, or waits for that.
    pub(crate) fn is_quiet(&self) -> bool {
        self.record.try_lock().is_ok()
    }

    /// Removes what is left on the disk of a service that has nothing in its slots; of one that `is_known`, since another one of
    /// its name has the same folder.
    pub(crate) async fn tidy(&self, is_known: impl Fn() -> bool + Send) {
        let record = self.record.lock().await;
        let empty = record.production.is_none() && record.staging.is_none() && self.is_empty() && is_known();
        if let (true, Some(folder), None) = (empty, self.folder.clone(), &self.damaged) {
            // The record goes last of what says something: a folder with deployments and without it is a damaged one. What cannot be
            // removed is removed when the host starts the next time.
            let tidying = tokio::task::spawn_blocking(move || {
                match std::fs::remove_dir(folder.deployments()) {
                    // Nothing has arrived.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed?,
                }
                file::remove(&folder.record())?;
                std::fs::remove_dir(folder.path())
            });
            drop(tidying.await);
        }
    }

    pub(crate) async fn record(&self) -> ServiceRecord {
        self.record.lock().await.clone()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
