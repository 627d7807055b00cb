//! Another package: other components, another definition, within the rules of what may change in place (facts: section 7.7).
//!
//! The package is kept as a revision of its own until the last upgrade domain is done; only then the record says that it is what
//! runs. A host that is killed before starts with the revision before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wasm_roles_control_interface::package::DeployOptions;
use wasm_roles_control_interface::{
    DeploymentRef, Detail, Operation, OperationKind, Refusal, RefusalCode, TenantName, UpdateMode,
    UpgradeQuery, WalkRequest,
};
use wasm_roles_fabric::upgrade::{DEFAULT_HEALTH, Pace, RolledBack, Upgrade, UpgradeError, UpgradeOutcome};
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{Problem, remove_tree};
use wasm_roles_service_plan::{NotInPlace, Placement, Plan, in_place};

use super::deploy::given_up;
use super::start::{nothing_kept, publish};
use super::update::{admit, intend, running, settle};
use super::{Controller, apart, blocking};
use crate::host::Host;
use crate::launch;
use crate::operations::{End, GiveUp};
use crate::package::{Package, receive};
use crate::record::{Configuration, DeploymentRecord, Target};
use crate::sources::Sources;
use crate::tenants::Caps;
use crate::unit::{Claim, Seen, Unit};
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
        let revision = next_revision(&record);
        let (tenant_folder, folder) = (kept.0, kept.1.revision(revision));
        forget_revision(&unit, revision).await;
        let spool = tenant_folder.incoming().join(format!("{}.tar", claim.operation.id));
        claim.operation.says("receives the package");
        let package = tokio::select! {
            biased;
            why = claim.operation.given_up() => return Err(given_up(why)),
            received = receive(package, spool, folder, host.packages_of(tenant)) => received?,
        };
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
        let steps = operation.steps_to().ok_or_else(none)?;
        let seen = unit.seen().ok_or_else(none)?;
        let mut walk = Walk::new(seen.walk, &seen.plan);
        let waiting = walk.waiting();
        if !waiting.contains(&request.domain) {
            let message = format!("upgrade domain {} does not wait to be walked", request.domain);
            let waiting: Vec<String> = waiting.iter().map(ToString::to_string).collect();
            let refusal = Refusal::new(RefusalCode::WrongState, message);
            return Err(refusal.hint(match waiting.as_slice() {
                [] => "all of them are walked".to_owned(),
                waiting => format!("these do: {}", waiting.join(", ")),
            }));
        }
        steps.send(request.domain).await.map_err(|_| none())?;
        // It is taken a moment later, and the answer shall not say that it still waits.
        let _ = timeout(TAKEN, walk.takes(request.domain)).await;
        Ok(operation.now())
    }
}

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
fn next_revision(record: &DeploymentRecord) -> u64 {
    let known = [Some(&record.current), record.previous.as_ref()];
    let begun = record.begun.as_ref().and_then(|begun| begun.target.as_ref());
    let highest = known.into_iter().flatten().chain(begun).map(|target| target.revision).max();
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
    pub(crate) options: DeployOptions,
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
    let service = host.service(&unit.tenant, &unit.service)?;
    let published = service.record().await.slot(unit.slot()).as_ref().map(|slot| slot.published.clone());
    let (before, slot, defaults) = (record.current.clone(), unit.slot(), host.defaults_of(&unit.tenant));
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
        let publication =
            launch::publication(&plan, options, &defaults, slot, &published.unwrap_or_default());
        let plan = Arc::new(plan);
        let mut upgrade = launch::upgrade(&plan, &package, &defaults, (&data_folder, clock))?;
        upgrade.publication = Some(publication);
        let target = Target { revision, configuration, counts, placement: Placement::of(&plan) };
        let (rules, sources) = (launch::host_rules(options)?, Arc::new(sources));
        let options = options.clone();
        Ok(Step { target, plan, sources, upgrade, rules, options, previous: Some(before) })
    })
    .await?;
    step.upgrade.health = health;
    if mode == UpdateMode::Manual {
        // A domain is walked once: there is no use for more places than domains.
        const PLACES: usize = 32;
        let (steps, orders) = mpsc::channel(PLACES);
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
                unit.look(|seen| (seen.sources, seen.rules, seen.options) = (sources, rules, Some(options)));
                save_addresses(&claim.host, &unit, &published, &claim).await;
                if settle(&claim, &plan, Some((target, previous))).await {
                    for revision in obsolete {
                        forget_revision(&unit, revision).await;
                    }
                }
                let domains = summary.walked.len();
                claim.end(End::done(format!("{domains} upgrade domains were walked")));
            }
            UpgradeOutcome::RolledBack(because) => {
                network.set_host_rules(before);
                save_addresses(&claim.host, &unit, &published, &claim).await;
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
    let kept = unit.keep_with(|record| (record.current, record.previous) = (target, previous)).await;
    if let Err(refusal) = kept {
        unit.has_problem(Detail::new(refusal.message));
    }
}

/// Removes the package of an upgrade that was not to be. That of a roll-back was there before.
async fn forget_new(claim: &Claim, target: &Target) {
    if claim.operation.kind == OperationKind::Upgrade {
        forget_revision(&claim.unit, target.revision).await;
    }
}

/// Where the slot's public ports listen now.
pub(crate) async fn save_addresses(
    host: &Arc<Host>,
    unit: &Unit,
    published: &[wasm_roles_fabric::Published],
    claim: &Claim,
) {
    unit.publishes(published);
    if let Ok(service) = host.service(&unit.tenant, &unit.service) {
        let saved = service.save(|record| publish(record.slot_mut(unit.slot()), published)).await;
        saved.unwrap_or_else(|refusal| claim.notes(&refusal));
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

/// Removes a package that nothing needs any more.
pub(crate) async fn forget_revision(unit: &Unit, revision: u64) {
    if let Some(folder) = unit.folder.as_ref().map(|folder| folder.revision(revision)) {
        // What is left is removed when the host starts the next time.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&folder)).await;
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
    let of_problem = |problem: &Problem| {
        let detail = Detail::new(problem.to_string());
        match problem.hint() {
            Some(hint) => detail.hint(hint),
            None => detail,
        }
    };
    let (code, details) = match error {
        UpgradeError::NotInPlace(against) => return not_in_place(against),
        UpgradeError::CannotStart(error) => {
            (RefusalCode::CannotStart, error.problems().iter().map(of_problem).collect())
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
