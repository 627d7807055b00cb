//! A deployment: a plan that runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasm_roles_role_runtime::{Clock, End, Runtime, Seed};
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, PublicPort, RoleName};
use wasm_roles_virtual_network::{Network, Policy};

use crate::approot::Approots;
use crate::certificates::{CertificateFolder, CertificateOptions, Edition, Provision};
use crate::change::{Arrival, ChangeError, ChangeSummary, Difference, READY_AGAIN, Renewals, Turnover, walk};
use crate::components;
use crate::contents;
use crate::events::Events;
use crate::instances::Instances;
use crate::overlap;
use crate::public_ports::PublicPorts;
use crate::publish::{self, Bound, Publication, Published};
use crate::start_error::{Problem, StartError};
use crate::starter::Starter;
use crate::status_board::Statuses;
use crate::variables;

/// The stop budget of the platform's first documentation (facts: life cycle, "Stop sequence").
pub const DEFAULT_STOP_BUDGET: Duration = Duration::from_secs(30);

/// How a deployment is run.
#[derive(Clone, Debug)]
pub struct DeploymentOptions {
    /// Where components lie.
    pub approots: Approots,
    /// Where public ports listen.
    pub publication: Publication,
    /// Where certificates are, and where TLS of `https` endpoints ends.
    pub certificates: CertificateOptions,
    /// How long an instance may take to stop before it is cut off. Usual: [`DEFAULT_STOP_BUDGET`].
    pub stop_budget: Duration,
    /// Where local stores are kept, temporary folders, and the folders of roles with `Contents`
    /// ([`data_folder`](crate::data_folder)). It should belong to the user and to this deployment alone:
    /// [`DataFolder`](crate::DataFolder) sees to that.
    pub data_folder: PathBuf,
    /// What instances are told when they ask whether they run in a test bed.
    pub emulated: bool,
    /// What time it is.
    pub clock: Clock,
    /// Where all random numbers come from, the deployment's id included.
    pub seed: Seed,
}

/// A running deployment. Dropping it cuts all instances off, and does not wait until they are gone:
/// [`kill`](Self::kill) does.
pub struct Deployment {
    /// What runs when no change is under way.
    plan: Arc<Plan>,
    /// Plans whose change was begun and not finished.
    begun: Vec<Arc<Plan>>,
    starter: Starter,
    instances: Instances,
    ports: PublicPorts,
    /// The copies of certificates that were made last.
    edition: Edition,
}

/// How the instances of a deployment stopped, in the order in which they did.
#[derive(Clone, Debug)]
pub struct StopSummary {
    /// Every instance.
    pub instances: Vec<StoppedInstance>,
}

/// How an instance stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedInstance {
    /// The instance.
    pub instance: InstanceId,
    /// How the incarnation ended that was running; none when there was none.
    pub end: Option<End>,
}

impl StopSummary {
    /// Instances that were cut off, because their stop budget was over.
    pub fn cut_off(&self) -> impl Iterator<Item = &InstanceId> {
        let forced = |stopped: &&StoppedInstance| {
            matches!(
                stopped.end,
                Some(
                    End::Stopped { forced: true }
                        | End::RecycleRequested { forced: true }
                        | End::CutOffAfterRun { .. }
                )
            )
        };
        self.instances.iter().filter(forced).map(|stopped| &stopped.instance)
    }
}

impl Deployment {
    /// Starts all instances of `plan` on the current tokio runtime.
    ///
    /// Components are loaded and public ports bound before the first instance starts. When this returns, all
    /// instances are being started; [`Statuses::all_ready`] waits for them.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Then nothing is left running.
    pub async fn start(
        runtime: &Runtime,
        plan: Arc<Plan>,
        options: DeploymentOptions,
    ) -> Result<(Self, Events), StartError> {
        Self::start_with(runtime, plan, options, |_| {}).await
    }

    /// As [`start`](Self::start), and shows the network to `prepare` before anybody is on it: for a tap, for faults, or for
    /// a handle to keep.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Then nothing is left running.
    pub async fn start_with(
        runtime: &Runtime,
        plan: Arc<Plan>,
        mut options: DeploymentOptions,
        prepare: impl FnOnce(&Network) + Send,
    ) -> Result<(Self, Events), StartError> {
        check(&plan, &options)?;
        overlap::check(&plan, &options).await?;
        contents::gather(&plan, &mut options.approots, &options.data_folder).await?;
        let edition = Edition::default();
        let provision = provide(&plan, &options, edition).await?;
        let components = components::load(runtime, &plan, &options.approots).await?;
        let bound = publish::bind(&plan, &options.publication).await.map_err(StartError::new)?;
        let (mut starter, events) = Starter::new(&plan, options, components, provision);
        prepare(&starter.common.network);
        let (mut instances, mut ports) = (Instances::new(starter.board.clone()), PublicPorts::default());
        starter.open(&plan, bound, &mut ports);
        starter.start(&starter.views(&plan), &plan.instances, &mut instances);
        Ok((Self { plan, begun: Vec::new(), starter, instances, ports, edition }, events))
    }

    /// The deployment's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.starter.common.deployment_id
    }

    /// The plan that runs, or the one of the last change that was begun. The next one is made
    /// [after it](wasm_roles_service_plan::plan_after).
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        self.begun.last().unwrap_or(&self.plan)
    }

    /// The network of the deployment: its counters, and its faults.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.starter.common.network
    }

    /// The public ports by number, and where they listen.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        self.ports.published()
    }

    /// The status of all instances.
    #[must_use]
    pub fn statuses(&self) -> Statuses {
        self.starter.board.watch()
    }

    /// Changes the configuration while the service runs, to that of `new`: a plan of the same service definition, made
    /// [after](wasm_roles_service_plan::plan_after) the one that [runs](Self::plan).
    ///
    /// New instances start first. Then each instance that stays and that the change concerns hears `changing` and `changed`,
    /// one upgrade domain after the other; those that refuse are recycled (facts: section 7.5), and so are those whose role
    /// has other certificates, which hear nothing of it (facts: section 7.1). Under
    /// `topologyChangeDiscovery="Blast"` all hear of instances that come and go at the same time, and cannot refuse. Last,
    /// the instances that `new` does not have are stopped, and their local stores removed. The
    /// [module](crate::change) has the order in full.
    ///
    /// This returns when all have reacted; an instance that is started or recycled is waited for until it is Ready, at
    /// most [`READY_AGAIN`]. If the future is dropped before, the deployment is somewhere between the two
    /// configurations and runs on; another call, with this plan or with the one before, finishes the change or takes it back. What
    /// is lost then: instances that had stopped already are in no summary and keep their local stores, and the network may keep
    /// the policy for both configurations until the next change of counts.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]. Then nothing was changed.
    pub async fn change(&mut self, new: Arc<Plan>) -> Result<ChangeSummary, ChangeError> {
        // Those that a change before this one has asked to stop, and has not waited for.
        let earlier = self.instances.stopped().await;
        self.forget(&earlier).await;
        let turnover = Turnover::between(self.instances.planned(), &new)?;
        let difference = self.difference(&new)?;
        let steps = difference.steps(&new, &turnover.staying);
        let provision = if difference.has_certificates() { Some(self.provide(&new).await?) } else { None };
        let beside = self.policy_beside(&new, &turnover)?;
        let bound = self.bind_missing(&new).await?;

        self.begun.push(Arc::clone(&new));
        if let Some(beside) = beside {
            self.starter.common.network.set_policy(beside);
        }
        if let Some(provision) = provision {
            self.ports.end_tls_with(&provision);
            self.starter.provide(provision);
        }
        let views = self.starter.views(&new);
        self.starter.start(&views, &turnover.coming, &mut self.instances);
        self.starter.open(&new, bound, &mut self.ports);
        let added = self.arrivals(&turnover.coming).await;
        let told_of_it = (self.starter.common.deployment_id.as_str(), self.starter.options.emulated);
        let renewals = Renewals::new(&self.plan, &views, told_of_it, &self.starter.provision);
        let orders = self.instances.orders();
        let told = walk(orders, steps, |instance, how| renewals.of(instance, how)).await;
        self.ports.close_all_but(&new.public).await;
        self.instances.ask_to_stop(&turnover.leaving);
        let removed = self.instances.stopped().await;
        if !turnover.is_empty() {
            self.starter.common.network.set_policy(Arc::clone(&new.policy));
        }
        self.plan = new;
        self.begun.clear();
        self.forget(&removed).await;
        Ok(ChangeSummary { instances: told, added, removed })
    }

    /// What could be news for somebody.
    fn difference(&self, new: &Plan) -> Result<Difference, ChangeError> {
        let mut difference = Difference::between(&self.plan, new)?;
        for begun in &self.begun {
            difference = difference.and(Difference::between(begun, new)?);
        }
        Ok(difference)
    }

    /// Finds the certificates that the plan wants, in the folder as it is now.
    async fn provide(&mut self, new: &Arc<Plan>) -> Result<Provision, ChangeError> {
        // Not even a call that was dropped and still copies has the same one.
        self.edition = self.edition.next();
        let options = &self.starter.options;
        let (plan, data_folder, edition) = (Arc::clone(new), options.data_folder.clone(), self.edition);
        let mut certificates = options.certificates.clone();
        let providing = tokio::task::spawn_blocking(move || -> Result<Provision, ChangeError> {
            if let Some(folder) = &mut certificates.folder {
                *folder = Arc::new(CertificateFolder::read(folder.path())?);
            }
            Ok(Provision::new(&plan, &certificates, &data_folder, edition)?)
        });
        let provision = providing.await.map_err(|error| ChangeError::CertificatesNotShown {
            file: options.data_folder.clone(),
            reason: error.to_string(),
        })??;
        match provision.moves_tls(&self.starter.provision, &new.public) {
            Some(PublicPort { port, role, endpoint, .. }) => {
                let (port, role, endpoint) = (*port, role.clone(), endpoint.clone());
                Err(ChangeError::TlsMoves { port, role, endpoint })
            }
            None => Ok(provision),
        }
    }

    /// The policy for those who come and those who go; none when everybody stays, since the policy stays too.
    fn policy_beside(&self, new: &Plan, turnover: &Turnover) -> Result<Option<Arc<Policy>>, ChangeError> {
        if turnover.is_empty() {
            return Ok(None);
        }
        let leaving = turnover.leaving.iter().filter_map(|instance| self.instances.get(instance));
        new.policy_beside(leaving).map(Some).map_err(ChangeError::Policy)
    }

    /// Binds the public ports that are not open yet.
    async fn bind_missing(&self, new: &Plan) -> Result<Bound, ChangeError> {
        let mut missing = Plan::clone(new);
        missing.public = self.ports.missing(&new.public).cloned().collect();
        let bound = publish::bind(&missing, &self.starter.options.publication).await;
        bound.map_err(|errors| ChangeError::Publish { errors })
    }

    /// Waits until new instances were Ready once.
    async fn arrivals(&self, coming: &[PlannedInstance]) -> Vec<(InstanceId, Arrival)> {
        let deadline = Instant::now() + READY_AGAIN;
        let mut arrivals = Vec::with_capacity(coming.len());
        for instance in coming {
            let came_up = timeout_at(deadline, self.instances.came_up(&instance.id)).await;
            let arrival = came_up.map_or(Arrival::NotReadyYet, |()| Arrival::Ready);
            arrivals.push((instance.id.clone(), arrival));
        }
        arrivals
    }

    async fn forget(&self, gone: &[StoppedInstance]) {
        for stopped in gone {
            self.starter.forget(&stopped.instance).await;
        }
    }

    /// Closes the public ports, then stops all instances at the same time: each leaves the rotation, is asked to stop,
    /// and is cut off when its stop budget is over. Connections that instances have are theirs to finish.
    ///
    /// The events of the stop can be read while this waits and after it has returned. After a [change](Self::change) that
    /// was begun and not finished, those that came with it stop like all others.
    pub async fn stop(self) -> StopSummary {
        self.stop_unless(std::future::pending()).await
    }

    /// Cuts all instances off, and waits until they are gone: nothing of theirs runs when this returns, and the data folder
    /// can be removed. It takes no longer than a guest needs to give its thread back, some milliseconds.
    pub async fn kill(self) -> StopSummary {
        self.stop_unless(std::future::ready(())).await
    }

    /// As [`stop`](Self::stop) until `impatience` is over, and then as [`kill`](Self::kill).
    pub async fn stop_unless(mut self, impatience: impl Future<Output = ()>) -> StopSummary {
        self.ports.close_all_but(&[]).await;
        let instances = self.instances.stop_all(impatience).await;
        self.starter.finish();
        StopSummary { instances }
    }
}

/// Finds the certificates that the plan wants.
async fn provide(
    plan: &Arc<Plan>,
    options: &DeploymentOptions,
    edition: Edition,
) -> Result<Provision, StartError> {
    let (plan, data_folder) = (Arc::clone(plan), options.data_folder.clone());
    let certificates = options.certificates.clone();
    let providing =
        tokio::task::spawn_blocking(move || Provision::new(&plan, &certificates, &data_folder, edition))
            .await;
    let failed = |error: tokio::task::JoinError| {
        let file = options.data_folder.clone();
        StartError::new([Problem::CertificatesNotShown { file, reason: error.to_string() }])
    };
    Ok(providing.map_err(failed)??)
}

/// What can be known without looking at a file.
fn check(plan: &Plan, options: &DeploymentOptions) -> Result<(), StartError> {
    let is_known = |role: &&RoleName| plan.role(role).is_some();
    let strangers = options.approots.named_roles().filter(|role| !is_known(role));
    let roles = strangers.map(|role| Problem::UnknownRole {
        role: role.clone(),
        known: plan.roles.iter().map(|role| role.name.clone()).collect(),
    });
    let ports = options.publication.unknown(plan).map(|port| Problem::UnknownPublicPort {
        port,
        known: plan.public.iter().map(|public| public.port).collect(),
    });
    let variables = variables::without_value(plan).into_iter().map(Problem::Variable);
    let problems: Vec<Problem> = roles.chain(ports).chain(variables).collect();
    if problems.is_empty() { Ok(()) } else { Err(StartError::new(problems)) }
}
