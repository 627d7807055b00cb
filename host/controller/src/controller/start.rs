//! Starting a deployment from what is on the disk: for the first time, or once more.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use wasm_roles_control_interface::{Refusal, RefusalCode};
use wasm_roles_fabric::virtual_network::Network;
use wasm_roles_fabric::{DataFolder, Deployment, Published, remove_tree};
use wasm_roles_service_plan::Plan;

use super::blocking;
use crate::host::Host;
use crate::launch::{self, Place};
use crate::operations::{GiveUp, Running};
use crate::package::Package;
use crate::record::{Places, SlotRecord, Target};
use crate::service::Service;
use crate::sources::Sources;
use crate::unit::{Alive, Concern, Seen, Unit};

/// What is started.
pub(crate) struct Start {
    pub(crate) package: Package,
    pub(crate) sources: Arc<Sources>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) target: Target,
    pub(crate) held: BTreeSet<String>,
}

/// Why nothing was started.
pub(crate) enum NotStarted {
    Refused(Refusal),
    GivenUp(GiveUp),
}

impl From<Refusal> for NotStarted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Starts `unit`, until the operation shall give up. Its instances are being started when this returns.
pub(crate) async fn start(
    host: &Arc<Host>,
    service: &Service,
    unit: &Arc<Unit>,
    start: Start,
    operation: &Running,
) -> Result<(), NotStarted> {
    let Start { package, sources, plan, target, held } = start;
    let published = service.record().await.slot(unit.slot()).as_ref().map(|slot| slot.published.clone());
    let asked = package.manifest().options.clone();
    let rules = launch::host_rules(&asked)?;
    let who = unit.who().to_string();
    let folder = unit.folder.as_ref().map(|folder| folder.data()).ok_or_else(nothing_kept)?;
    let place = Place {
        data_folder: folder.clone(),
        slot: unit.slot(),
        published: published.unwrap_or_default(),
        at_rest: plan
            .instances
            .iter()
            .map(|planned| planned.id.clone())
            .filter(|id| held.contains(id.as_str()))
            .collect(),
        clock: host.clock(),
        seed: unit.seed,
    };
    let (defaults, planned) = (host.defaults_of(&unit.tenant), Arc::clone(&plan));
    let (options, data) = blocking("the deployment cannot be started", move || {
        let refused =
            |message: String, hint: &str| Refusal::new(RefusalCode::CannotStart, message).hint(hint);
        let data = DataFolder::take(&folder, &planned.service)
            .map_err(|error| refused(error.to_string(), error.hint()))?;
        Ok((launch::options(&planned, &package, &defaults, place)?, data))
    })
    .await?;
    let granted = rules.clone();
    let prepare = |network: &Network| network.set_host_rules(granted);
    let given_up = async {
        operation.given_up().await;
    };
    let runtime = &host.options.runtime;
    let started = Deployment::start_unless(runtime, Arc::clone(&plan), options, prepare, given_up).await;
    let (deployment, events) = match started.map_err(|error| launch::cannot_start(&who, &error))? {
        Some(started) => started,
        None => return Err(NotStarted::GivenUp(operation.given_up().await)),
    };
    unit.listen(events, None);
    let seen = Seen {
        configuration: configuration_name(&sources, &target),
        next: None,
        sources,
        statuses: deployment.statuses(),
        usages: deployment.usages(),
        walk: deployment.progress(),
        generations: Vec::new(),
        rules,
        options: Some(asked),
        plan,
    };
    unit.appears(seen, &deployment);
    unit.holds(held);
    let addresses = deployment.published().to_vec();
    *unit.alive.lock().await = Some(Alive { deployment, data: Some(data) });
    let saved = service.save(|record| publish(record.slot_mut(unit.slot()), &addresses)).await;
    unit.notes(Concern::Slots, &saved);
    Ok(())
}

/// Where the slot's public ports listen, for the next time.
pub(crate) fn publish(slot: &mut Option<SlotRecord>, published: &[Published]) {
    if let Some(slot) = slot {
        slot.published = Places::of_all(published);
    }
}

/// The name of the configuration of a target.
pub(crate) fn configuration_name(sources: &Sources, target: &Target) -> Option<String> {
    let own = || sources.configuration.as_ref().map(|source| source.name.clone());
    target.configuration.as_ref().map(|given| given.name.clone()).or_else(own)
}

/// Removes what instances have stored that are not there any more: a host that was killed has not come to that. Only when nobody
/// can want them back: what runs is what the record says. It blocks.
pub(crate) fn remove_strangers(data: &Path, known: &BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(data) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_store = name.to_str().is_some_and(|name| is_instance(name) && !known.contains(name));
        if is_store {
            // What cannot be removed stays, as it does after a change.
            let _ = remove_tree(&entry.path());
        }
    }
}

/// Whether a name in a data folder is that of an instance's stores.
fn is_instance(name: &str) -> bool {
    let ordinal = name.rsplit_once("_IN_").map(|(_, ordinal)| ordinal);
    ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(crate) fn nothing_kept() -> Refusal {
    Refusal::new(RefusalCode::NotSupported, "this host keeps nothing, and so holds no deployments of its own")
        .hint("start `wasm-roles serve` with a data folder")
}
