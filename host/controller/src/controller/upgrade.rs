//! Another package: other components, another definition, within the rules of what may change in place (facts: section 7.7).
//!
//! The package is kept as a revision of its own until the last upgrade domain is done; only then the record says that it is what
//! runs. A host that is killed before starts with the revision before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
use wasm_roles_control_interface::package::DeployOptions;
use wasm_roles_control_interface::{
    DeploymentRef, Detail, Operation, OperationKind, Refusal, RefusalCode, TenantName, UpdateMode,
    UpgradeQuery, WalkRequest,
};
use wasm_roles_fabric::upgrade::{
    DEFAULT_HEALTH, Pace, RolledBack, Upgrade, UpgradeError, UpgradeOutcome, UpgradeSummary,
};
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{Published, remove_tree};
use wasm_roles_service_plan::{NotInPlace, Placement, Plan, in_place};

use super::deploy::given_up;
use super::start::{nothing_kept, publish};
use super::update::{admit, intend, publication, running, settle};
use super::{Controller, apart, blocking};
use crate::launch;
use crate::operations::{End, GiveUp};
use crate::package::{Package, receive};
use crate::record::{Configuration, DeploymentRecord, Target};
use crate::sources::Sources;
use crate::tenants::Caps;
use crate::unit::{Claim, Concern, Seen, Unit};
use crate::walks::Walk;

impl Controller {
    /// Upgrades a deployment to another package. `owner`: whoever asks is the owner of the host, and may give the package what the
    /// tenant may not.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotInPlace`] with every difference, what [`deploy`](Self::deploy) refuses, an operation that runs. Then
    /// nothing has changed.
    pub async fn upgrade(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        owner: bool,
        how: UpgradeQuery,
        package: impl AsyncRead + Unpin + Send,
    ) -> Result<Operation, Refusal> {
        let host = &self.0;
        let health = health(how.health)?;
        let claim = super::claim(host, tenant, who, OperationKind::Upgrade).await?;
        let unit = Arc::clone(&claim.unit);
        let kept = host.tenant_folder(tenant).zip(unit.folder.clone()).ok_or_else(|| {
            let message = format!("{who} runs in the foreground, and its files are not this host's to keep");
            let refusal = Refusal::new(RefusalCode::NotSupported, message);
            refusal.hint("deploy it to a host of `wasm-roles serve` to upgrade it")
        })?;
        let (seen, record) = running(&claim)?;
        let on_disk = kept.1.revision_numbers().await;
        let revision = next_revision(&record, on_disk);
        let (tenant_folder, folder) = (kept.0, kept.1.revision(revision));
        forget_revision(&unit, revision).await;
        let spool = tenant_folder.incoming().join(format!("{}.tar", claim.operation.id));
        claim.operation.says("receives the package");
        let package = tokio::select! {
            biased;
            why = claim.operation.given_up() => return Err(given_up(why)),
            received = receive(package, spool, folder, host.packages_of(tenant)) => received?,
        };
        unit.weigh_packages().await;
        let caps = launch::caps_of(host.options.tenants.caps(tenant), owner);
        apart(begin(claim, Arrived { seen, record, package, revision, caps, mode: how.mode, health })).await
    }

    /// Walks an upgrade domain of a manual upgrade. The answer is the upgrade.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::WrongState`] when no manual upgrade runs, or the domain is walked already.
    pub async fn walk(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        request: WalkRequest,
    ) -> Result<Operation, Refusal> {
        let unit = self.0.find(tenant, who)?;
        let none = || {
            let refusal =
                Refusal::new(RefusalCode::WrongState, format!("no upgrade of {who} waits to be walked"));
            refusal.hint("begin one with `upgrade --manual`")
        };
        let operation = unit.operation().ok_or_else(none)?;
        let (steps, mut walk) = operation.steps_to().zip(operation.its_walk()).ok_or_else(none)?;
        let has_begun = walk.has_begun();
        may_be_walked(&walk, request.domain)?;
        steps.try_send(request.domain).map_err(|error| match error {
            TrySendError::Closed(_) => none(),
            TrySendError::Full(_) => {
                let message =
                    format!("{ORDERS} upgrade domains were ordered already, and none of them is walked yet");
                Refusal::new(RefusalCode::WrongState, message).hint("wait until the upgrade has walked them")
            }
        })?;
        if has_begun {
            // It is taken a moment later, and the answer shall not say that it still waits.
            let _ = timeout(TAKEN, walk.takes(request.domain)).await;
        }
        Ok(operation.now())
    }
}

/// Whether an upgrade domain waits, or will as soon as the components are loaded.
fn may_be_walked(walk: &Walk, domain: u32) -> Result<(), Refusal> {
    let refused =
        |message: String, hint: String| Err(Refusal::new(RefusalCode::WrongState, message).hint(hint));
    if !walk.has_begun() {
        return match walk.has_domain(domain) {
            true => Ok(()),
            false => refused(
                format!("there is no upgrade domain {domain}"),
                "wait until the upgrade has loaded its components: its status says then which ones wait"
                    .to_owned(),
            ),
        };
    }
    let waiting = walk.waiting();
    if waiting.contains(&domain) {
        return Ok(());
    }
    let waiting: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    let hint = match waiting.as_slice() {
        [] => "all of them are walked".to_owned(),
        waiting => format!("these do: {}", waiting.join(", ")),
    };
    refused(format!("upgrade domain {domain} does not wait to be walked"), hint)
}

/// Orders to walk that can wait: a domain is walked once, so there is no use for more than there are domains.
const ORDERS: usize = 32;

/// How long an order to walk may take to be heard, before it is answered all the same.
const TAKEN: Duration = Duration::from_secs(5);

/// How long the instances of an upgrade domain may take to be Ready.
fn health(seconds: Option<u64>) -> Result<Duration, Refusal> {
    const LONGEST: u64 = 24 * 60 * 60;
    match seconds {
        None => Ok(DEFAULT_HEALTH),
        Some(seconds) if seconds <= LONGEST => Ok(Duration::from_secs(seconds)),
        Some(seconds) => {
            let message = format!("the instances of an upgrade domain cannot have {seconds} s to be Ready");
            Err(Refusal::new(RefusalCode::BadRequest, message).hint(format!("give them {LONGEST} s or less")))
        }
    }
}

/// The number of a package that comes.
fn next_revision(record: &DeploymentRecord, on_disk: Vec<u64>) -> u64 {
    let known = [Some(&record.current), record.previous.as_ref()];
    let begun = record.begun.as_ref().and_then(|begun| begun.target.as_ref());
    // One that nobody knows may still be read.
    let known = known.into_iter().flatten().chain(begun).map(|target| target.revision);
    let highest = known.chain(on_disk).max();
    highest.unwrap_or(0).saturating_add(1)
}

/// A package that is on the disk.
struct Arrived {
    seen: Seen,
    record: DeploymentRecord,
    package: Package,
    revision: u64,
    caps: Caps,
    mode: UpdateMode,
    health: Duration,
}

/// An upgrade that was found good.
pub(crate) struct Step {
    pub(crate) target: Target,
    pub(crate) plan: Arc<Plan>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) upgrade: Upgrade,
    pub(crate) rules: HostRules,
    /// None without a package.
    pub(crate) options: Option<DeployOptions>,
    /// What a roll-back goes back to from then on.
    pub(crate) previous: Option<Target>,
}

async fn begin(claim: Claim, arrived: Arrived) -> Result<Operation, Refusal> {
    let (unit, revision) = (Arc::clone(&claim.unit), arrived.revision);
    let begun = try_begin(claim, arrived).await;
    if begun.is_err() {
        forget_revision(&unit, revision).await;
    }
    begun
}

async fn try_begin(mut claim: Claim, arrived: Arrived) -> Result<Operation, Refusal> {
    let Arrived { seen, record, package, revision, caps, mode, health } = arrived;
    let (host, unit) = (Arc::clone(&claim.host), Arc::clone(&claim.unit));
    let (before, defaults) = (record.current.clone(), host.defaults_of(&unit.tenant));
    let before_it = seen.walk.clone();
    let data_folder = unit.folder.as_ref().map(|folder| folder.data()).ok_or_else(nothing_kept)?;
    let clock = host.clock();
    let mut step = blocking("the package cannot be read", move || {
        let options = &package.manifest().options;
        let sources = Sources::of(&package)?;
        // A package without a configuration leaves the one that runs.
        let own = sources.configuration.is_some();
        let configuration = if own { None } else { running_configuration(&seen, &before) };
        let counts = if own { BTreeMap::new() } else { before.counts.clone() };
        let (model, _) = sources.model(configuration.as_ref(), &counts)?;
        let plan = sources.plan_after(&seen.plan, &model)?;
        in_place(&seen.plan, &plan).map_err(|against| not_in_place(&against))?;
        launch::may_ask(&plan, options, &caps, &defaults)?;
        launch::unknown_ports(&plan, options).map_or(Ok(()), Err)?;
        let plan = Arc::new(plan);
        let upgrade = launch::upgrade(&plan, &package, &defaults, (&data_folder, clock))?;
        let target = Target { revision, configuration, counts, placement: Placement::of(&plan) };
        let (rules, sources) = (launch::host_rules(options)?, Arc::new(sources));
        let options = Some(options.clone());
        Ok(Step { target, plan, sources, upgrade, rules, options, previous: Some(before) })
    })
    .await?;
    step.upgrade.health = health;
    if let Some(options) = &step.options {
        step.upgrade.publication = publication(&claim, &step.plan, options).await;
    }
    if mode == UpdateMode::Manual {
        let (steps, orders) = mpsc::channel(ORDERS);
        // From now on an order can come, also before there is anything to walk.
        claim.operation.walks(Walk::new(before_it, &step.plan));
        claim.operation.takes_steps(steps);
        step.upgrade.pace = Pace::Manual(orders);
    }
    admit(&claim, &step.plan)?;
    intend(&claim, &record, Some(step.target.clone())).await?;
    let begun = claim.begin();
    tokio::spawn(run(claim, step));
    Ok(begun)
}

/// The configuration that runs, for a package that has none.
fn running_configuration(seen: &Seen, before: &Target) -> Option<Configuration> {
    let own = || {
        let source = seen.sources.configuration.as_ref()?;
        Some(Configuration { name: source.name.clone(), text: source.text.clone() })
    };
    before.configuration.clone().or_else(own)
}

/// Makes the upgrade, until it shall give up.
pub(crate) async fn run(claim: Claim, step: Step) {
    let unit = Arc::clone(&claim.unit);
    let Step { target, plan, sources, upgrade, rules, options, previous } = step;
    let mut alive = unit.alive.lock().await;
    let Some(running) = alive.as_mut() else {
        drop(alive);
        return claim.end(End::failed(unit.does_not_run()));
    };
    let generation = running.deployment.generation();
    let (old, obsolete) = (unit.revision(), obsolete(&unit, &target, previous.as_ref()));
    unit.look(|seen| {
        seen.next = Some(Arc::clone(&plan));
        seen.generations = vec![(generation, old), (generation.saturating_add(1), target.revision)];
    });
    let walk = Walk::new(running.deployment.progress(), &plan);
    claim.operation.walks(walk.clone());
    // The stores of instances that go are removed before the upgrade is over: until then a host that is killed has to know it.
    let passing = tokio::spawn(passes(Arc::clone(&unit), walk.clone(), target.clone(), previous.clone()));
    let network = running.deployment.network().clone();
    // What either revision may do outside, both may until it is over.
    let before = unit.seen().map(|seen| seen.rules).unwrap_or_default();
    network.set_host_rules(launch::either(&before, &rules));
    let upgraded = tokio::select! {
        biased;
        why = claim.operation.given_up() => Err(why),
        upgraded = running.deployment.upgrade(upgrade) => Ok(upgraded),
    };
    let published = running.deployment.published().to_vec();
    let runs = Arc::clone(running.deployment.plan());
    drop(alive);
    if walk.is_past_return() {
        let _ = passing.await;
    } else {
        passing.abort();
    }
    match upgraded {
        Err(why) => {
            let there = match why {
                GiveUp::HostStops if walk.is_past_return() => {
                    "all upgrade domains were walked: what is new runs when the host is started again"
                }
                GiveUp::HostStops => "what ran before runs again when the host is started again",
                GiveUp::For(_) => "some instances had the new components",
            };
            claim.end(End::interrupted(why, there));
        }
        Ok(Err(error)) => {
            network.set_host_rules(before);
            settle(&claim, &runs, None).await;
            forget_new(&claim, &target).await;
            claim.end(End::failed(refused(&error)));
        }
        Ok(Ok(summary)) => match summary.outcome {
            UpgradeOutcome::Done => {
                network.set_host_rules(rules.clone());
                claim.host.failpoint.reach("upgrade: made").await;
                unit.look(|seen| (seen.sources, seen.rules, seen.options) = (sources, rules, options));
                save_addresses(&claim, &published).await;
                if settle(&claim, &plan, Some((target, previous))).await {
                    for revision in obsolete {
                        forget_revision(&unit, revision).await;
                    }
                }
                forget_leftovers(&unit).await;
                claim.end(End::done(in_words(&summary)));
            }
            UpgradeOutcome::RolledBack(because) => {
                network.set_host_rules(before);
                save_addresses(&claim, &published).await;
                settle(&claim, &runs, None).await;
                forget_new(&claim, &target).await;
                claim.end(End::rolled_back(taken_back(&because)));
            }
        },
    }
}

/// Writes down that the new revision is what runs, as soon as there is no way back.
async fn passes(unit: Arc<Unit>, mut walk: Walk, target: Target, previous: Option<Target>) {
    walk.past_return().await;
    drop(unit.keep_with(|record| (record.current, record.previous) = (target, previous)).await);
}

/// Removes the package of an upgrade that was not to be. That of a roll-back was there before.
async fn forget_new(claim: &Claim, target: &Target) {
    if claim.operation.kind == OperationKind::Upgrade {
        forget_revision(&claim.unit, target.revision).await;
    }
}

/// Where the slot's public ports listen now.
pub(crate) async fn save_addresses(claim: &Claim, published: &[Published]) {
    let (host, unit) = (&claim.host, &claim.unit);
    unit.publishes(published);
    if let Ok(service) = host.service(&unit.tenant, &unit.service) {
        let saved = service.save(|record| publish(record.slot_mut(unit.slot()), published)).await;
        unit.notes(Concern::Slots, &saved);
    }
}

/// The revisions that are of no use once the target runs.
pub(crate) fn obsolete(unit: &Unit, target: &Target, previous: Option<&Target>) -> Vec<u64> {
    let Some(record) = unit.record() else { return Vec::new() };
    let known = [Some(record.current.revision), record.previous.map(|target| target.revision)];
    let stays = |revision: &u64| {
        *revision == target.revision || previous.is_some_and(|previous| previous.revision == *revision)
    };
    let mut gone: Vec<u64> = known.into_iter().flatten().filter(|revision| !stays(revision)).collect();
    gone.dedup();
    gone
}

/// How the instances took it, in one sentence.
fn in_words(summary: &UpgradeSummary) -> String {
    let walked = match summary.walked.len() {
        1 => "1 upgrade domain was walked".to_owned(),
        domains => format!("{domains} upgrade domains were walked"),
    };
    match summary.kept.len() {
        0 => walked,
        1 => format!("{walked}; 1 instance runs on, since nothing of its role has changed"),
        kept => format!("{walked}; {kept} instances run on, since nothing of their roles has changed"),
    }
}

/// Removes the packages that some role has read until now, and nobody else.
async fn forget_leftovers(unit: &Unit) {
    let (Some(folder), Some(record)) = (unit.folder.as_ref(), unit.record()) else { return };
    let begun = record.begun.as_ref().and_then(|begun| begun.target.as_ref());
    let known = [Some(&record.current), record.previous.as_ref(), begun];
    let known: BTreeSet<u64> = known.into_iter().flatten().map(|target| target.revision).collect();
    let on_disk = folder.revision_numbers();
    for revision in on_disk.await.into_iter().filter(|revision| !known.contains(revision)) {
        forget_revision(unit, revision).await;
    }
}

/// Removes a package that nothing needs any more. One that some role still reads stays for now.
pub(crate) async fn forget_revision(unit: &Unit, revision: u64) {
    if let Some(folder) = unit.folder.as_ref().map(|folder| folder.revision(revision)) {
        if unit.alive.lock().await.as_ref().is_some_and(|alive| alive.deployment.reads(&folder)) {
            return;
        }
        // What is left is removed when the host starts the next time.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&folder)).await;
        unit.weigh_packages().await;
    }
}

pub(crate) fn taken_back(because: &RolledBack) -> Refusal {
    let message = format!("the upgrade was taken back, because {because}");
    match because {
        RolledBack::Asked => Refusal::new(RefusalCode::Interrupted, message),
        RolledBack::Unhealthy { instances, .. } => {
            let details = instances
                .iter()
                .map(|unhealthy| Detail::new(unhealthy.to_string()).subject(unhealthy.instance.to_string()));
            Refusal::new(RefusalCode::NotHealthy, message)
                .hint("see what these instances wrote with `logs`, or give them more time with `--health`")
                .details(details)
        }
    }
}

pub(crate) fn not_in_place(against: &[NotInPlace]) -> Refusal {
    let details = against.iter().map(|against| {
        let detail = Detail::new(against.to_string()).hint(against.hint());
        match against {
            NotInPlace::ServiceName { old, new } => detail.instead_of(old, new),
            NotInPlace::UpgradeDomains { old, new } => detail.instead_of(old.to_string(), new.to_string()),
            NotInPlace::StoreShrinks { role, store, old_mb, new_mb } => detail
                .subject(format!("{role}/{store}"))
                .instead_of(format!("{old_mb} MB"), format!("{new_mb} MB")),
            NotInPlace::StoreRemoved { role, store, old_mb } => {
                detail.subject(format!("{role}/{store}")).instead_of(format!("{old_mb} MB"), "nothing")
            }
            _ => detail,
        }
    });
    let message = "the new definition changes what cannot change in place; nothing was changed";
    Refusal::new(RefusalCode::NotInPlace, message).details(details)
}

pub(crate) fn refused(error: &UpgradeError) -> Refusal {
    let (code, details) = match error {
        UpgradeError::NotInPlace(against) => return not_in_place(against),
        UpgradeError::CannotStart(error) => {
            (RefusalCode::CannotStart, error.problems().iter().map(launch::detail).collect())
        }
        UpgradeError::Publish(errors) => {
            let details = errors.iter().map(|error| Detail::new(error.to_string()).hint(error.hint()));
            (RefusalCode::PortTaken, details.collect())
        }
        UpgradeError::TlsMoves { .. } => (RefusalCode::NotInPlace, Vec::new()),
        _ => (RefusalCode::CannotStart, Vec::new()),
    };
    Refusal::new(code, format!("nothing was changed: {error}")).details(details)
}
