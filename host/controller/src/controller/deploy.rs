//! A package becomes a deployment.
//!
//! ```text
//! slot taken ─► package on the disk ─► plan, caps ─► deployment.json ─► service.json ─► start ─► Ready
//!      └──────────────── refused: nothing is left ──────────┘                │
//!                                                            from here on it survives the host
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout_at};
use wasm_roles_control_interface::{DeploymentRef, Operation, OperationKind, Refusal, TenantName};
use wasm_roles_fabric::change::READY_AGAIN;
use wasm_roles_fabric::{deployment_id, remove_tree};
use wasm_roles_service_plan::Placement;

use super::start::{NotStarted, Start, nothing_kept, start};
use super::{Controller, apart, blocking};
use crate::host::{Host, internal};
use crate::launch;
use crate::operations::{End, GiveUp};
use crate::package::{Package, receive};
use crate::record::{Begun, DeploymentRecord, FORMAT, Places, SeedBytes, SlotRecord, Target};
use crate::service::Service;
use crate::sources::Sources;
use crate::tenants::Demand;
use crate::unit::{Claim, Identity, Phase, Unit};
use crate::words::Told;

impl Controller {
    /// Deploys a package into an empty slot. `owner`: whoever asks is the owner of the host, and may give the package what the
    /// tenant may not.
    ///
    /// # Errors
    ///
    /// A slot that is not empty, a package that is none, files with errors, caps of the tenant. Then nothing is left of it.
    pub async fn deploy(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        owner: bool,
        package: impl AsyncRead + Unpin + Send,
    ) -> Result<Operation, Refusal> {
        let occupied = occupy(&self.0, tenant, who).await?;
        let (unit, host) = (&occupied.claim.unit, &self.0);
        let folder = unit.folder.clone().ok_or_else(nothing_kept)?;
        let incoming = host.tenant_folder(tenant).ok_or_else(nothing_kept)?.incoming();
        let spool = incoming.join(format!("{}.tar", occupied.claim.operation.id));
        occupied.claim.operation.says("receives the package");
        let package = tokio::select! {
            biased;
            why = occupied.claim.operation.given_up() => return Err(given_up(why)),
            received = receive(package, spool, folder.revision(1), host.packages_of(tenant)) => received?,
        };
        unit.weigh_packages().await;
        apart(occupied.begin(package, owner)).await
    }
}

/// A package that arrives, and is not wanted any more.
pub(crate) fn given_up(why: GiveUp) -> Refusal {
    let end = End::interrupted(why, "the package is not wanted any more");
    end.failure.unwrap_or_else(|| internal("the package is not wanted any more", &"it was interrupted"))
}

/// A slot that is taken for a deployment which is not there yet. Dropped, it is empty again.
struct Occupied {
    claim: Claim,
    service: Arc<Service>,
    stays: Stays,
}

/// Gives the slot back when it is dropped before it [`keeps`](Self::keeps).
struct Stays {
    host: Arc<Host>,
    service: Arc<Service>,
    unit: Arc<Unit>,
    kept: bool,
}

impl Stays {
    const fn keeps(&mut self) {
        self.kept = true;
    }
}

impl Drop for Stays {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (host, service, unit) = (Arc::clone(&self.host), Arc::clone(&self.service), &self.unit);
        service.vacate(unit);
        unit.goes();
        let folder = unit.folder.clone();
        // Without a runtime the process ends, and the next start of the host does it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Some(folder) = folder {
                // It may be large.
                drop(tokio::task::spawn_blocking(move || remove_tree(folder.path())).await);
            }
            host.tidy(&service).await;
        });
    }
}

async fn occupy(host: &Arc<Host>, tenant: &TenantName, who: &DeploymentRef) -> Result<Occupied, Refusal> {
    host.still_open()?;
    host.tenant_folder(tenant).ok_or_else(nothing_kept)?;
    let (seed, id, folder) = loop {
        let seed = host.derive("deployment");
        let id = deployment_id(&seed);
        let folder = host.tenant_folder(tenant).map(|folder| folder.service(&who.service).deployment(&id));
        // A host that is given the same seed in each life derives the same ids.
        let is_there = folder.as_ref().is_some_and(|folder| folder.path().exists());
        if !is_there && host.units(None).iter().all(|unit| unit.id != id) {
            break (seed, id, folder);
        }
    };
    let (tenant, slot) = (tenant.clone(), who.slot);
    let identity = Identity { tenant, service: who.service.clone(), slot, id, seed, folder, life: 0 };
    let unit = Arc::new(Unit::new(host, identity));
    let service = host.occupy(slot, &unit)?;
    // Before anything of the package is read.
    let asked = host.admit(&unit, Demand::of_something());
    let kept = (Arc::clone(host), Arc::clone(&service), Arc::clone(&unit));
    let stays = Stays { host: kept.0, service: kept.1, unit: kept.2, kept: false };
    asked?;
    let claim = unit.claim(host, OperationKind::Deploy).await?;
    // Before there is anything in its folder: without a record it would be a damaged one.
    let saved = Arc::clone(&service);
    apart(async move { saved.save(|_| {}).await }).await?;
    Ok(Occupied { claim, service, stays })
}

impl Occupied {
    /// Everything that can be refused, then the records.
    async fn begin(mut self, package: Package, owner: bool) -> Result<Operation, Refusal> {
        let (host, unit) = (Arc::clone(&self.claim.host), Arc::clone(&self.claim.unit));
        let caps = launch::caps_of(host.options.tenants.caps(&unit.tenant), owner);
        let (read, defaults) = (package.clone(), host.defaults_of(&unit.tenant));
        let (sources, plan, warnings) = blocking("the package cannot be read", move || {
            let sources = Sources::of(&read)?;
            let (model, warnings) = sources.model(None, &BTreeMap::new())?;
            let plan = sources.plan(&model)?;
            let options = &read.manifest().options;
            launch::may_ask(&plan, options, &caps, &defaults)?;
            launch::host_rules(options)?;
            launch::stop_budget(options, &defaults)?;
            launch::unknown_ports(&plan, options).map_or(Ok(()), Err)?;
            Ok((Arc::new(sources), Arc::new(plan), warnings))
        })
        .await?;
        host.admit(&unit, Demand::of(&plan))?;
        let placement = Placement::of(&plan);
        let target = Target { revision: 1, configuration: None, counts: BTreeMap::new(), placement };
        let operation = &self.claim.operation;
        let record = DeploymentRecord {
            format: FORMAT,
            id: unit.id.clone(),
            seed: SeedBytes(unit.seed.bytes()),
            created: operation.begun,
            lives: 0,
            current: target.clone(),
            previous: None,
            held: Default::default(),
            begun: Some(Begun {
                id: operation.id,
                kind: OperationKind::Deploy,
                at: operation.begun,
                target: None,
                undoes: None,
            }),
        };
        unit.save(record).await?;
        host.failpoint.reach("deploy: recorded").await;
        let slot = SlotRecord { deployment: unit.id.clone(), published: Places::default() };
        // From here on nothing may go just because somebody stops waiting for it.
        self.stays.keeps();
        let saved = self.service.save(|record| *record.slot_mut(unit.slot()) = Some(slot)).await;
        if let Err(refusal) = saved {
            clear(&self.service, &unit).await;
            host.tidy(&self.service).await;
            return Err(refusal);
        }
        host.failpoint.reach("deploy: in its slot").await;
        for warning in warnings {
            let place = warning.place.as_ref().map(|place| format!("{}:{}: ", place.file, place.line));
            let message = format!("{}{}", place.unwrap_or_default(), warning.message);
            unit.tells(Told::new("diagnostic", message).with("code", warning.code));
        }
        let begun = self.claim.begin();
        let starting = Start { package, sources, plan, target, held: Default::default() };
        let Self { claim, service, .. } = self;
        tokio::spawn(run(claim, service, starting));
        Ok(begun)
    }
}

/// Starts it, and waits until it is Ready.
async fn run(claim: Claim, service: Arc<Service>, starting: Start) {
    let (host, unit) = (Arc::clone(&claim.host), Arc::clone(&claim.unit));
    claim.operation.says("loads components and starts instances");
    match start(&host, &service, &unit, starting, &claim.operation).await {
        Ok(()) => {}
        Err(not_started) => {
            let end = match not_started {
                NotStarted::Refused(refusal) => End::failed(refusal),
                // What a host that stops has begun, the next one goes on with.
                NotStarted::GivenUp(why @ GiveUp::HostStops) => {
                    claim.end(End::interrupted(why, "it starts when the host is started again"));
                    return;
                }
                NotStarted::GivenUp(why) => End::interrupted(why, "nothing was started"),
            };
            clear(&service, &unit).await;
            host.tidy(&service).await;
            claim.end(end);
            return;
        }
    }
    host.failpoint.reach("deploy: started").await;
    // If that cannot be written, the next host finishes what is done.
    drop(unit.keep_with(|record| record.begun = None).await);
    unit.enters(Phase::Running);
    claim.operation.says("waits until all instances are Ready");
    ready(claim).await;
}

/// Waits until all instances are Ready, which no other operation has to wait for.
pub(crate) async fn ready(claim: Claim) {
    let Some(seen) = claim.unit.seen() else { return claim.end(End::done("it runs")) };
    let instances = seen.plan.instances.len();
    claim.operation.now_yields();
    let mut statuses = seen.statuses;
    let end = tokio::select! {
        biased;
        _ = claim.operation.given_up() => {
            End::done("it runs; not all instances were Ready when this ended")
        }
        ready = timeout_at(Instant::now() + READY_AGAIN, statuses.all_ready()) => match ready {
            Ok(()) => End::done(format!("all {instances} instances are Ready")),
            Err(_) => End::done("it runs; not all instances are Ready yet"),
        },
    };
    claim.end(end);
}

/// Empties the slot of a deployment that does not run, and removes what it has on the disk.
async fn clear(service: &Service, unit: &Arc<Unit>) {
    let emptied = service
        .save(|record| {
            let slot = record.slot_mut(unit.slot());
            if slot.as_ref().is_some_and(|slot| slot.deployment == unit.id) {
                *slot = None;
            }
        })
        .await;
    if let Err(refusal) = &emptied {
        // It comes back when the host is started again.
        unit.tells(Told::new("problem", refusal.message.clone()));
    }
    if let (Ok(()), Some(folder)) = (&emptied, unit.folder.clone()) {
        let removing = tokio::task::spawn_blocking(move || remove_tree(folder.path())).await;
        if let Ok(Err(error)) = removing {
            unit.tells(Told::new("problem", internal("its files cannot be removed", &error).message));
        }
    }
    service.vacate(unit);
    unit.goes();
}
