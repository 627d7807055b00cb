//! Bringing back what a host before this one has left behind.
//!
//! First the folders are read, and what is of no use to anybody is removed: packages that had not arrived, deployments that are in
//! no slot. Then every deployment is started, some at a time. What cannot be read or started is a problem that is told; its files
//! stay as they are.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use wasm_roles_control_interface::{
    Detail, Operation, OperationKind, OperationState, Refusal, RefusalCode, ServiceName, Slot, TenantName,
};
use wasm_roles_fabric::{Seed, deployment_id, remove_tree};

use super::start::{NotStarted, Start, remove_strangers, start};
use super::{blocking, deploy};
use crate::host::Host;
use crate::operations::{End, GiveUp};
use crate::package::Package;
use crate::record::decide::{Decision, Ended, decide};
use crate::record::file::{self, RecordError};
use crate::record::folders::{
    DeploymentFolder, SERVICES, ServiceFolder, TENANTS, TenantFolder, is_deployment_id,
};
use crate::record::{DeploymentRecord, ServiceRecord};
use crate::service::Service;
use crate::sources::Sources;
use crate::tenants::Demand;
use crate::unit::{Claim, Identity, Phase, Unit};

/// Deployments that are started at the same time.
const AT_A_TIME: usize = 8;

/// A service as its folder has it.
struct Found {
    tenant: TenantName,
    folder: ServiceFolder,
    name: ServiceName,
    record: Result<ServiceRecord, RecordError>,
    deployments: Vec<(Slot, String, Result<DeploymentRecord, RecordError>)>,
}

/// A deployment that is to be started again.
pub(crate) type ToStart = (Arc<Service>, Arc<Unit>, DeploymentRecord);

/// Reads the data folder, and gives what is to be started. The error is what keeps it from being read at all.
pub(crate) async fn found(host: &Arc<Host>) -> Result<Vec<ToStart>, String> {
    let Some(data) = host.options.data_dir.clone() else { return Ok(Vec::new()) };
    let reading = tokio::task::spawn_blocking(move || {
        let mut problems = Vec::new();
        let found = read(&data, &mut problems);
        (found, problems)
    });
    let (found, problems) = reading.await.map_err(|error| error.to_string())?;
    for problem in problems {
        host.has_problem(None, problem);
    }
    Ok(found.into_iter().flat_map(|service| enter(host, service)).collect())
}

/// Starts all of them, some at a time.
pub(crate) async fn all(host: &Arc<Host>, to_start: Vec<ToStart>) {
    let mut starting = JoinSet::new();
    for (service, unit, record) in to_start {
        while starting.len() >= AT_A_TIME {
            starting.join_next().await;
        }
        starting.spawn(bring_back(Arc::clone(host), service, unit, record));
    }
    while starting.join_next().await.is_some() {}
}

/// The folders below the data folder. It blocks.
fn read(data: &Path, problems: &mut Vec<Detail>) -> Vec<Found> {
    let mut found = Vec::new();
    for (tenant, _) in folders(&data.join(TENANTS), problems) {
        let Ok(tenant) = tenant.parse::<TenantName>() else {
            let message = format!("{} is no folder of a tenant", data.join(TENANTS).join(&tenant).display());
            problems.push(Detail::new(message).hint("move it away"));
            continue;
        };
        let folder = TenantFolder::new(data, &tenant);
        // What had not arrived when the host ended, nobody has been told of.
        drop(remove_tree(&folder.incoming()));
        for (name, path) in folders(&data.join(TENANTS).join(tenant.as_str()).join(SERVICES), problems) {
            match service_of(&name) {
                Some(name) => found.extend(read_service(&tenant, name, ServiceFolder(path), problems)),
                None => {
                    let message = format!("{} is no folder of a service", path.display());
                    problems.push(Detail::new(message).hint("move it away"));
                }
            }
        }
    }
    found
}

/// None when there is nothing in its slots; then it is removed. It blocks.
fn read_service(
    tenant: &TenantName,
    name: ServiceName,
    folder: ServiceFolder,
    problems: &mut Vec<Detail>,
) -> Option<Found> {
    let mut deployments = Vec::new();
    let record = match file::read::<ServiceRecord>(&folder.record()) {
        Ok(read) if read.service != name => {
            let reason = format!("it is of service {}, and its folder of {name}", read.service);
            Err(file::damaged(&folder.record(), &reason))
        }
        Ok(mut read) => {
            let before = read.clone();
            for slot in Slot::ALL {
                let Some(there) = read.slot(slot).clone() else { continue };
                match read_deployment(&folder, &there.deployment) {
                    Ok(record) if is_to_go(&record, OperationKind::Delete) => *read.slot_mut(slot) = None,
                    Err(RecordError::Missing(_)) if was_deleted(&folder, &there.deployment) => {
                        *read.slot_mut(slot) = None;
                    }
                    found => deployments.push((slot, there.deployment, found)),
                }
            }
            let written = if read == before { Ok(()) } else { file::write(&folder.record(), &read) };
            match written {
                Ok(()) => {
                    let known: BTreeSet<&str> = deployments.iter().map(|(_, id, _)| id.as_str()).collect();
                    remove_leftovers(&folder, &known, problems);
                }
                // What the record still names has to say that it was deleted.
                Err(error) => {
                    let message = format!("{} cannot be written: {error}", folder.record().display());
                    let hint = "make room on the disk, and let the host's user write there";
                    problems.push(Detail::new(message).hint(hint));
                }
            }
            if deployments.is_empty() {
                if folders(&folder.deployments(), &mut Vec::new()).is_empty() {
                    drop(remove_tree(folder.path()));
                }
                return None;
            }
            Ok(read)
        }
        // The record is written before anything else, and is the last that goes.
        Err(RecordError::Missing(_)) if folders(&folder.deployments(), &mut Vec::new()).is_empty() => {
            drop(remove_tree(folder.path()));
            return None;
        }
        Err(error) => Err(error),
    };
    Some(Found { tenant: tenant.clone(), folder, name, record, deployments })
}

/// Whether a deployment without a record was deleted when there was no room to write that down.
fn was_deleted(folder: &ServiceFolder, id: &str) -> bool {
    folder.deployment(id).deleted().exists()
}

/// Whether this operation was begun, after which nothing of it is to be there.
fn is_to_go(record: &DeploymentRecord, kind: OperationKind) -> bool {
    record.begun.as_ref().is_some_and(|begun| begun.kind == kind)
}

/// Removes the deployments that are in no slot because nobody was told of them yet, or because they were deleted. Of others nobody
/// knows why they are in none: they stay, and are told of.
fn remove_leftovers(folder: &ServiceFolder, known: &BTreeSet<&str>, problems: &mut Vec<Detail>) {
    for (id, path) in folders(&folder.deployments(), &mut Vec::new()) {
        if known.contains(id.as_str()) {
            continue;
        }
        match file::read::<DeploymentRecord>(&folder.deployment(&id).record()) {
            Err(RecordError::Missing(_)) => drop(remove_tree(&path)),
            Ok(record)
                if is_to_go(&record, OperationKind::Deploy) || is_to_go(&record, OperationKind::Delete) =>
            {
                drop(remove_tree(&path));
            }
            _ => {
                let message = format!(
                    "the deployment in {} is in no slot of its service, and was left alone",
                    path.display()
                );
                let hint = "put the service.json back that names it, or remove the folder";
                problems.push(Detail::new(message).hint(hint));
            }
        }
    }
}

fn read_deployment(folder: &ServiceFolder, id: &str) -> Result<DeploymentRecord, RecordError> {
    if !is_deployment_id(id) {
        return Err(file::damaged(&folder.record(), "it names a deployment whose id is none"));
    }
    let folder = folder.deployment(id);
    let record: DeploymentRecord = file::read(&folder.record())?;
    if record.id != id || deployment_id(&Seed::new(record.seed.0)) != id {
        return Err(file::damaged(&folder.record(), "its id is not that of its folder and its seed"));
    }
    Ok(record)
}

/// Removes the folders that nobody knows of any more. It blocks.
fn remove_others(folder: &Path, known: &BTreeSet<String>) {
    for (name, path) in folders(folder, &mut Vec::new()) {
        if !known.contains(&name) {
            // What cannot be removed is tried again at the next start.
            drop(remove_tree(&path));
        }
    }
}

/// The folders in a folder, by name.
fn folders(folder: &Path, problems: &mut Vec<Detail>) -> Vec<(String, std::path::PathBuf)> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return found,
        Err(error) => {
            problems.push(Detail::new(format!("{} cannot be read: {error}", folder.display())));
            return found;
        }
    };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    found.sort_unstable();
    found
}

/// The service whose folder has this name.
fn service_of(folder: &str) -> Option<ServiceName> {
    let mut name = String::new();
    let mut capital = false;
    for letter in folder.chars() {
        match letter {
            '+' => capital = true,
            letter if std::mem::take(&mut capital) => name.push(letter.to_ascii_uppercase()),
            letter => name.push(letter),
        }
    }
    name.parse::<ServiceName>().ok().filter(|name| name.folder() == folder)
}

/// Enters a service with all that is in its slots, and tells what there is to start.
fn enter(host: &Arc<Host>, found: Found) -> Vec<ToStart> {
    let Found { tenant, folder, name, record, deployments } = found;
    let record = match record {
        Ok(record) => record,
        Err(error) => {
            let problem = problem(&error, &name.to_string());
            host.has_problem(Some(tenant.clone()), problem.clone());
            let service = Service::damaged(tenant.clone(), name.clone(), folder, problem.clone());
            let unit = unit(host, &tenant, &name, Slot::Production, Err(String::new()));
            unit.enters(Phase::Failed { why: problem, untouchable: true });
            service.place(Slot::Production, unit);
            host.add_service(Arc::new(service));
            return Vec::new();
        }
    };
    let service = Service::with_record(tenant.clone(), name.clone(), Some(folder.clone()), record);
    let service = Arc::new(service);
    host.add_service(Arc::clone(&service));
    let mut to_start = Vec::new();
    for (slot, id, read) in deployments {
        match read {
            Ok(record) => {
                let kept = Kept { record: &record, folder: folder.deployment(&id) };
                let unit = unit(host, &tenant, &name, slot, Ok(kept));
                service.place(slot, Arc::clone(&unit));
                to_start.push((Arc::clone(&service), unit, record));
            }
            Err(error) => {
                let unit = unit(host, &tenant, &name, slot, Err(id));
                let problem = problem(&error, &unit.who().to_string());
                host.has_problem(Some(tenant.clone()), problem.clone());
                unit.enters(Phase::Failed { why: problem, untouchable: true });
                service.place(slot, unit);
            }
        }
    }
    to_start
}

/// What is kept of a deployment.
struct Kept<'a> {
    record: &'a DeploymentRecord,
    folder: DeploymentFolder,
}

/// A deployment in its slot; without what is kept of it, by its id.
fn unit(
    host: &Host,
    tenant: &TenantName,
    service: &ServiceName,
    slot: Slot,
    kept: Result<Kept<'_>, String>,
) -> Arc<Unit> {
    let (seed, id, folder, life) = match kept {
        Ok(Kept { record, folder }) => {
            (Seed::new(record.seed.0), record.id.clone(), Some(folder), record.lives.saturating_add(1))
        }
        // Nothing of it is ever started.
        Err(id) => (host.derive("nobody"), id, None, 0),
    };
    let (tenant, service) = (tenant.clone(), service.clone());
    Arc::new(Unit::new(host, Identity { tenant, service, slot, id, seed, folder, life }))
}

fn problem(error: &RecordError, subject: &str) -> Detail {
    Detail::new(error.to_string()).subject(subject).hint(error.hint())
}

/// Starts a deployment as its record says.
pub(crate) async fn bring_back(
    host: Arc<Host>,
    service: Arc<Service>,
    unit: Arc<Unit>,
    record: DeploymentRecord,
) {
    unit.was_recorded(record.clone());
    let claimed = match decide(&record).ended {
        Some(Ended { id, kind, begun, .. }) => {
            let operation = unit.resumed(id, kind, begun);
            unit.claim_for(&host, &operation).await
        }
        None => unit.claim(&host, OperationKind::Recover).await,
    };
    // Only when the host stops already.
    let Ok(mut claim) = claimed else { return };
    claim.begin();
    starts(claim, &service, &record).await;
}

/// Starts a deployment once more that could not be brought back.
pub(crate) fn once_more(mut claim: Claim, service: Arc<Service>, record: DeploymentRecord) -> Operation {
    claim.unit.enters(Phase::Starting);
    let begun = claim.begin();
    tokio::spawn(async move { starts(claim, &service, &record).await });
    begun
}

/// Starts it, and tells why if it does not. What cannot be had as it was asked for goes on as it was before.
async fn starts(claim: Claim, service: &Service, record: &DeploymentRecord) {
    let (host, unit, decision) = (Arc::clone(&claim.host), Arc::clone(&claim.unit), decide(record));
    let refusal = match try_start(service, record, &decision, &claim).await {
        Ok(()) => {
            unit.enters(Phase::Running);
            host.has_no_problem(&unit.tenant, &unit.who().to_string());
            return end(claim, &decision).await;
        }
        Err(NotStarted::GivenUp(why)) => {
            let there = match why {
                GiveUp::HostStops => "it comes back when the host is started again",
                GiveUp::For(_) => "it was not started",
            };
            return claim.end(End::interrupted(why, there));
        }
        Err(NotStarted::Refused(refusal)) => refusal,
    };
    if decision.start != record.current {
        let (start, previous) = (record.current.clone(), record.previous.clone());
        let back = Decision { start, previous, ended: None };
        if try_start(service, record, &back, &claim).await.is_ok() {
            unit.enters(Phase::Running);
            host.has_no_problem(&unit.tenant, &unit.who().to_string());
            let message = format!("{}; what ran before runs again", refusal.message);
            return claim.end(End::rolled_back(Refusal { message, ..refusal }));
        }
    }
    let mut why = Detail::new(refusal.message.clone()).subject(unit.who().to_string());
    why.hint.clone_from(&refusal.hint);
    host.has_problem(Some(unit.tenant.clone()), why.clone());
    unit.enters(Phase::Failed { why, untouchable: false });
    claim.end(End::failed(refusal));
}

async fn try_start(
    service: &Service,
    record: &DeploymentRecord,
    decision: &Decision,
    claim: &Claim,
) -> Result<(), NotStarted> {
    let (host, unit) = (&claim.host, &claim.unit);
    unit.weigh_packages().await;
    let target = decision.start.clone();
    let folder = unit.folder.as_ref().map(|folder| folder.revision(target.revision));
    let folder = folder.ok_or_else(super::start::nothing_kept)?;
    let reading = target.clone();
    let (package, sources, plan) = blocking("the package cannot be read", move || {
        let package = Package::open(folder)?;
        let sources = Sources::of(&package)?;
        let plan = sources.plan_of(&reading)?;
        Ok((package, Arc::new(sources), Arc::new(plan)))
    })
    .await?;
    // Counted whatever the caps are now: what ran before runs on.
    unit.set_demand(Demand::of(&plan));
    // Before it is started: a life whose numbers were seen has been counted.
    let lives = record.lives.saturating_add(1);
    // It runs, whether that can be written or not.
    drop(unit.keep_with(|record| record.lives = lives).await);
    let instances: BTreeSet<String> = plan.instances.iter().map(|planned| planned.id.to_string()).collect();
    // Others of these names may come, and nobody has stopped those.
    let held: BTreeSet<String> = record.held.intersection(&instances).cloned().collect();
    let starting = Start { package, sources, plan, target: target.clone(), held: held.clone() };
    start(host, service, unit, starting, &claim.operation).await?;
    host.failpoint.reach("recover: started").await;
    let previous = decision.previous.clone();
    let kept = unit.keep_with(|record| {
        (record.current, record.previous, record.begun) = (target, previous, None);
        record.held = held;
    });
    if kept.await.is_ok() {
        forget_others(unit, instances).await;
    }
    Ok(())
}

/// Removes what only a host would need that goes on with something else: the stores of instances that are gone, and packages that
/// the record does not name. As long as nothing of it runs, or the disk says something else, somebody may still want them.
async fn forget_others(unit: &Unit, instances: BTreeSet<String>) {
    let (Some(folder), Some(record)) = (unit.folder.clone(), unit.record()) else { return };
    let targets = [Some(&record.current), record.previous.as_ref()];
    let revisions = targets.into_iter().flatten().map(|target| target.revision.to_string()).collect();
    let removing = tokio::task::spawn_blocking(move || {
        remove_strangers(&folder.data(), &instances);
        remove_others(&folder.revisions(), &revisions);
    });
    // An error only when the tokio runtime shuts down.
    drop(removing.await);
}

/// Ends the operation that a host before this one had begun, or the recovery itself.
async fn end(claim: Claim, decision: &Decision) {
    let Some(ended) = &decision.ended else { return claim.end(End::done("it was brought back")) };
    match ended.state {
        OperationState::RolledBack => {
            let message =
                "the host ended before the last upgrade domain was done; what ran before runs again";
            claim.end(End::rolled_back(Refusal::new(RefusalCode::Interrupted, message)));
        }
        _ if ended.kind == OperationKind::Deploy => {
            tokio::spawn(deploy::ready(claim));
        }
        _ => claim.end(End::done("the host was started again meanwhile, with what was asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_folder_gives_the_service_back() {
        for name in ["shop", "Shop", "SHOP-2", "My_Service.v2"] {
            let name: ServiceName = name.parse().unwrap();
            assert_eq!(service_of(&name.folder()), Some(name));
        }
        for folder in ["Shop", "sh+", "+1", "..", "", "a b"] {
            assert_eq!(service_of(folder), None, "{folder}");
        }
    }
}
