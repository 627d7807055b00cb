//! The host: what all deployments share, and where they are found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasm_roles_control_interface::{
    DeploymentRef, Detail, OperationId, Refusal, RefusalCode, ServiceName, Slot, TenantName, Timestamp,
};
use wasm_roles_fabric::{Clock, Runtime, Seed};

use crate::failpoint::Failpoint;
use crate::journal::Retention;
use crate::launch::Defaults;
use crate::lock::HostLock;
use crate::operations::Operations;
use crate::package::PackageLimits;
use crate::record::folders::TenantFolder;
use crate::service::Service;
use crate::tenants::{Demand, Tenants};
use crate::unit::Unit;
use crate::words::{Places, some_of};

/// How a host is run.
#[derive(Clone)]
pub struct HostOptions {
    /// Where everything is kept. None: nothing is, and there are no deployments but adopted ones.
    pub data_dir: Option<PathBuf>,
    /// What runs components.
    pub runtime: Runtime,
    /// What time it is.
    pub clock: Clock,
    /// Where ids and seeds of deployments come from. It should be another one each time that a host is started.
    pub seed: Seed,
    /// The tenants and what they may have.
    pub tenants: Tenants,
    /// What packages do not say.
    pub defaults: Defaults,
    /// How much a package may hold.
    pub packages: PackageLimits,
    /// What is kept of each deployment's events. Default: 1,000 of them, 256 KiB.
    pub events: Retention,
    /// What is kept of each deployment's lines. Default: 10,000 of them, 1 MiB: it is memory, and a host holds a thousand deployments.
    pub logs: Retention,
    /// The version of the program.
    pub version: String,
}

impl HostOptions {
    /// With the usual defaults, and one owner without caps.
    #[must_use]
    pub fn new(runtime: Runtime, clock: Clock, seed: Seed) -> Self {
        Self {
            data_dir: None,
            runtime,
            clock,
            seed,
            tenants: Tenants::unlimited(),
            defaults: Defaults::default(),
            packages: PackageLimits::default(),
            events: Retention { entries: 1_000, bytes: 256 << 10 },
            logs: Retention { entries: 10_000, bytes: 1 << 20 },
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Everything is kept in this folder.
    #[must_use]
    pub fn kept_in(mut self, data_dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(data_dir.into());
        self
    }
}

type Services = BTreeMap<(TenantName, ServiceName), Arc<Service>>;

/// What all deployments share.
pub(crate) struct Host {
    pub(crate) options: HostOptions,
    pub(crate) operations: Operations,
    pub(crate) started: Timestamp,
    pub(crate) failpoint: Failpoint,
    /// What is not told to tenants.
    pub(crate) places: Arc<Places>,
    services: Mutex<Services>,
    closing: AtomicBool,
    /// What was there before is being brought back.
    recovering: AtomicBool,
    /// How many ids and seeds were derived.
    derived: AtomicU64,
    /// What was found at the start and could not be brought back; of a tenant, or of the host itself.
    problems: Mutex<Vec<(Option<TenantName>, Detail)>>,
    _lock: Option<HostLock>,
}

impl Host {
    /// It blocks, for a moment.
    pub(crate) fn new(options: HostOptions, lock: Option<HostLock>, failpoint: Failpoint) -> Self {
        Self {
            places: Arc::new(Places::of(options.data_dir.as_deref())),
            started: Timestamp::since_1970(options.clock.wall()),
            options,
            operations: Operations::default(),
            failpoint,
            services: Mutex::new(Services::new()),
            closing: AtomicBool::new(false),
            recovering: AtomicBool::new(false),
            derived: AtomicU64::new(0),
            problems: Mutex::new(Vec::new()),
            _lock: lock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::since_1970(self.options.clock.wall())
    }

    /// The folder of a tenant.
    pub(crate) fn tenant_folder(&self, tenant: &TenantName) -> Option<TenantFolder> {
        self.options.data_dir.as_ref().map(|data| TenantFolder::new(data, tenant))
    }

    pub(crate) fn next_operation(&self) -> OperationId {
        loop {
            let seed = self.derive("operation").bytes();
            let bytes = seed.first_chunk().copied().unwrap_or_default();
            let id = OperationId(u64::from_be_bytes(bytes));
            if !self.operations.is_known(id) {
                return id;
            }
        }
    }

    pub(crate) fn derive(&self, what: &str) -> Seed {
        let number = self.derived.fetch_add(1, Ordering::Relaxed);
        self.options.seed.derive(&format!("{what}/{number}"))
    }

    /// What was there before is being brought back, or is so no more.
    pub(crate) fn recovers(&self, recovering: bool) {
        self.recovering.store(recovering, Ordering::SeqCst);
    }

    pub(crate) fn is_recovering(&self) -> bool {
        self.recovering.load(Ordering::SeqCst)
    }

    /// # Errors
    ///
    /// Nobody knows yet what the tenants have, so nobody can say what they may have.
    pub(crate) fn has_recovered(&self) -> Result<(), Refusal> {
        if self.is_recovering() {
            let message = "the host brings back what it had before it was started";
            let hint = "ask again in a moment; `wasm-roles ps` shows how far it is";
            return Err(Refusal::new(RefusalCode::Recovering, message).hint(hint));
        }
        Ok(())
    }

    /// Nothing more begins.
    pub(crate) fn closes(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// # Errors
    ///
    /// The host stops.
    pub(crate) fn still_open(&self) -> Result<(), Refusal> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(
                Refusal::new(RefusalCode::Stopping, "the host stops").hint("ask again when it runs again")
            );
        }
        Ok(())
    }

    /// Puts a deployment into an empty slot of its service, which is made if there is none.
    ///
    /// # Errors
    ///
    /// As [`Service::occupy`].
    pub(crate) fn occupy(&self, slot: Slot, unit: &Arc<Unit>) -> Result<Arc<Service>, Refusal> {
        let (tenant, name) = (&unit.tenant, &unit.service);
        let mut services = self.services();
        let key = (tenant.clone(), name.clone());
        let made = || {
            let folder = self.tenant_folder(tenant).map(|folder| folder.service(name));
            Arc::new(Service::new(tenant.clone(), name.clone(), folder))
        };
        let service = services.get(&key).cloned().unwrap_or_else(made);
        service.occupy(slot, unit)?;
        services.insert(key, Arc::clone(&service));
        Ok(service)
    }

    pub(crate) fn add_service(&self, service: Arc<Service>) {
        let key = (service.tenant.clone(), service.name.clone());
        self.services().insert(key, service);
    }

    /// Forgets a service that has nothing in its slots, and whose record nobody changes: whoever does forgets it afterwards.
    pub(crate) fn forget_if_empty(&self, tenant: &TenantName, name: &ServiceName) {
        let mut services = self.services();
        let key = (tenant.clone(), name.clone());
        if services.get(&key).is_some_and(|service| service.is_empty() && service.is_quiet()) {
            services.remove(&key);
        }
    }

    /// Removes what is left on the disk of a service that has nothing in its slots, and forgets it.
    pub(crate) async fn tidy(&self, service: &Service) {
        let key = (service.tenant.clone(), service.name.clone());
        let is_known =
            || self.services().get(&key).is_some_and(|known| std::ptr::eq(&raw const **known, service));
        service.tidy(is_known).await;
        self.forget_if_empty(&service.tenant, &service.name);
    }

    pub(crate) fn service(&self, tenant: &TenantName, name: &ServiceName) -> Result<Arc<Service>, Refusal> {
        let services = self.services();
        let found = services.get(&(tenant.clone(), name.clone())).filter(|service| !service.is_empty());
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = services
                .iter()
                .filter(|((of, _), service)| of == tenant && !service.is_empty())
                .map(|((_, known), _)| known.as_str())
                .collect();
            let refusal = Refusal::new(RefusalCode::NotFound, format!("there is no service {name}"));
            match known.as_slice() {
                [] => refusal.hint("nothing is deployed; `wasm-roles deploy` deploys a service"),
                known => refusal.hint(format!("there are {}", some_of(known.iter().copied()))),
            }
        })
    }

    pub(crate) fn find(&self, tenant: &TenantName, who: &DeploymentRef) -> Result<Arc<Unit>, Refusal> {
        let service = self.service(tenant, &who.service)?;
        service.unit(who.slot).ok_or_else(|| {
            let message = format!("the {} slot of {} is empty", who.slot, who.service);
            let other = DeploymentRef::new(who.service.clone(), who.slot.other());
            Refusal::new(RefusalCode::NotFound, message).hint(format!("there is {other}"))
        })
    }

    /// All deployments of a tenant, or of all, by tenant, service and slot.
    pub(crate) fn units(&self, tenant: Option<&TenantName>) -> Vec<Arc<Unit>> {
        let services = self.services();
        let of_tenant =
            services.values().filter(|service| tenant.is_none_or(|tenant| service.tenant == *tenant));
        of_tenant.flat_map(|service| Slot::ALL.map(|slot| service.unit(slot))).flatten().collect()
    }

    /// What the packages of a tenant do not say.
    pub(crate) fn defaults_of(&self, tenant: &TenantName) -> Defaults {
        Defaults { ports: self.options.tenants.caps(tenant).ports, ..self.options.defaults.clone() }
    }

    /// How much a package of a tenant may hold.
    pub(crate) fn packages_of(&self, tenant: &TenantName) -> PackageLimits {
        let most = self.options.packages;
        let used =
            || self.units(Some(tenant)).iter().fold(Demand::default(), |sum, unit| sum.with(unit.uses()));
        let cap = self.options.tenants.caps(tenant).disk_bytes;
        let left = cap.map_or(u64::MAX, |disk| disk.saturating_sub(used().disk_bytes));
        PackageLimits { bytes: most.bytes.min(left), ..most }
    }

    /// Lets `unit` have `demand`, if its tenant may.
    pub(crate) fn admit(&self, unit: &Unit, demand: Demand) -> Result<(), Refusal> {
        let caps = self.options.tenants.caps(&unit.tenant);
        // Held until the demand is written: two who ask at the same time see each other.
        let services = self.services();
        let of_tenant = services.values().filter(|service| service.tenant == unit.tenant);
        let others = of_tenant
            .flat_map(|service| Slot::ALL.map(|slot| service.unit(slot)))
            .flatten()
            .filter(|other| other.id != unit.id)
            .fold(Demand::default(), |sum, other| sum.with(other.uses()));
        caps.admit(others, demand.with_packages(unit.package_bytes()))
            .map_err(|over| Refusal::new(RefusalCode::OverCap, over.to_string()).hint(over.hint()))?;
        unit.set_demand(demand);
        Ok(())
    }

    pub(crate) fn has_problem(&self, tenant: Option<TenantName>, problem: Detail) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.retain(|known| {
            known.0 != tenant || known.1.subject.is_none() || known.1.subject != problem.subject
        });
        problems.push((tenant, problem));
    }

    /// What was wrong with it is mended, or it is gone.
    pub(crate) fn has_no_problem(&self, tenant: &TenantName, subject: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.retain(|(of, problem)| {
            of.as_ref() != Some(tenant) || problem.subject.as_deref() != Some(subject)
        });
    }

    /// What somebody should look at: of this tenant, or of everybody.
    pub(crate) fn problems(&self, tenant: Option<&TenantName>) -> Vec<Detail> {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = problems.iter().filter(|(of, _)| tenant.is_none_or(|tenant| of.as_ref() == Some(tenant)));
        seen.map(|(_, problem)| problem.clone()).collect()
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.options.clock
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something failed that should not.
pub(crate) fn internal(what: &str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::Internal, format!("{what}: {error}"))
        .hint("ask again; if it fails once more, the host's owner has to look at what the host writes")
}

/// Something cannot be written to the disk.
pub(crate) fn unwritten(what: &str, error: &dyn std::fmt::Display) -> Refusal {
    internal(what, error)
        .hint("the host's owner has to make room on its disk, and to let the host write to its data folder")
}
