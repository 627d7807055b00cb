//! A deployment: a plan that runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasm_roles_role_runtime::{Clock, End, Runtime, Seed, WebInstances};
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, PublicPort, RoleName};
use wasm_roles_virtual_network::{Network, Policy};
use wasm_roles_web_server::AccessLogFormat;

use crate::approot::Approots;
use crate::certificates::{CertificateFolder, CertificateOptions, Edition, Provision};
use crate::change::{
    Arrival, ChangeError, ChangeSummary, Difference, How, READY_AGAIN, Renewals, SettingsOf, Turnover, walk,
};
use crate::components;
use crate::contents;
use crate::copies::Copies;
use crate::departures::Departures;
use crate::events::Events;
use crate::instances::Instances;
use crate::overlap;
use crate::public_ports::PublicPorts;
use crate::publish::{self, Bound, Publication, Published};
use crate::sites;
use crate::start_error::{Problem, StartError};
use crate::starter::Starter;
use crate::status_board::Statuses;
use crate::variables;

/// The stop budget of the platform's first documentation (facts: life cycle, "Stop sequence").
pub const DEFAULT_STOP_BUDGET: Duration = Duration::from_secs(30);

/// How the web servers of a deployment's web roles work.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WebOptions {
    /// Which instances of a component answer requests, where its handler is one of `wasi:http` 0.2.
    pub instances: WebInstances,
    /// How each web role's instance logs its requests. Default: not at all.
    pub access_log: Option<AccessLogFormat>,
}

impl WebOptions {
    /// With an access log.
    #[must_use]
    pub const fn with_access_log(mut self, format: Option<AccessLogFormat>) -> Self {
        self.access_log = format;
        self
    }

    /// With another choice of instances.
    #[must_use]
    pub const fn with_instances(mut self, instances: WebInstances) -> Self {
        self.instances = instances;
        self
    }
}

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
    /// How the web servers of web roles work.
    pub web: WebOptions,
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
    /// Who has the settings of one of these already.
    ahead: SettingsOf,
    /// The network has a policy for those who come and those who go.
    beside: bool,
    departures: Departures,
    starter: Starter,
    instances: Instances,
    ports: PublicPorts,
    /// The copies of certificates that were made last.
    edition: Edition,
}

/// How the instances of a deployment stopped, in the order in which they did.
#[derive(Clone, Debug)]
pub struct StopSummary {
    /// Every instance, those of a change among them that was begun and not finished.
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
        options: DeploymentOptions,
        prepare: impl FnOnce(&Network) + Send,
    ) -> Result<(Self, Events), StartError> {
        Self::begin(runtime, plan, options, prepare, &Copies::new()).await
    }

    /// As [`start_with`](Self::start_with), until it is `given_up`. Then there is no deployment, and when this returns nothing
    /// writes to the data folder any more. Dropping the future of a start instead leaves threads that still copy into it.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Then nothing is left running.
    pub async fn start_unless(
        runtime: &Runtime,
        plan: Arc<Plan>,
        options: DeploymentOptions,
        prepare: impl FnOnce(&Network) + Send,
        given_up: impl Future<Output = ()>,
    ) -> Result<Option<(Self, Events)>, StartError> {
        let copies = Copies::new();
        let started = tokio::select! {
            biased;
            () = given_up => None,
            started = Self::begin(runtime, plan, options, prepare, &copies) => Some(started),
        };
        if started.is_none() {
            copies.give_up().await;
        }
        started.transpose()
    }

    async fn begin(
        runtime: &Runtime,
        plan: Arc<Plan>,
        mut options: DeploymentOptions,
        prepare: impl FnOnce(&Network) + Send,
        copies: &Copies,
    ) -> Result<(Self, Events), StartError> {
        check(&plan, &options)?;
        overlap::check(&plan, &options).await?;
        contents::gather(&plan, &mut options.approots, &options.data_folder, copies).await?;
        let edition = Edition::default();
        let provision = provide(&plan, &options, edition, copies).await?;
        let sites = sites::open(&plan, &options.approots).await?;
        let components = components::load(runtime, &plan, &options.approots, sites, options.clock).await?;
        let bound = publish::bind(&plan, &options.publication).await.map_err(StartError::new)?;
        let (mut starter, events) = Starter::new(&plan, options, components, provision);
        prepare(&starter.common.network);
        let (mut instances, mut ports) = (Instances::new(starter.board.clone()), PublicPorts::default());
        starter.open(&plan, bound, &mut ports);
        starter.start(&starter.views(&plan), &plan.instances, &mut instances);
        let deployment = Self {
            plan,
            begun: Vec::new(),
            ahead: SettingsOf::new(),
            beside: false,
            departures: Departures::default(),
            starter,
            instances,
            ports,
            edition,
        };
        Ok((deployment, events))
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
    /// configurations and runs on; another call, with this plan or with the one before, finishes the change or takes it back.
    /// Nothing is forgotten meanwhile: instances that had stopped already are in the summary of that call, or of the stop.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]. Then nothing was changed.
    pub async fn change(&mut self, new: Arc<Plan>) -> Result<ChangeSummary, ChangeError> {
        // Those that a change before this one has asked to stop, and has not waited for.
        self.let_go().await;
        let turnover = Turnover::between(self.instances.planned(), &new)?;
        let difference = self.difference(&new)?;
        let steps = difference.steps(&new, &turnover.staying);
        let provision = if difference.has_certificates() { Some(self.provide(&new).await?) } else { None };
        let beside = self.policy_beside(&new, &turnover)?;
        let bound = self.bind_missing(&new).await?;

        self.begun.push(Arc::clone(&new));
        if let Some(beside) = beside {
            self.starter.common.network.set_policy(beside);
            self.beside = true;
        }
        if let Some(provision) = provision {
            self.ports.end_tls_with(&provision);
            self.starter.provide(provision);
        }
        let views = self.starter.views(&new);
        self.starter.start(&views, &turnover.coming, &mut self.instances);
        let coming = turnover.coming.iter().map(|instance| (instance.id.clone(), Arc::clone(&new)));
        self.ahead.extend(coming);
        self.starter.open(&new, bound, &mut self.ports);
        let added = self.arrivals(&turnover.coming).await;
        let told_of_it = (self.starter.common.deployment_id.as_str(), self.starter.options.emulated);
        let renewals = Renewals::new((&self.plan, &self.ahead), &views, told_of_it, &self.starter.provision);
        let (orders, ahead) = (self.instances.orders(), &mut self.ahead);
        let ordered = |instance: &InstanceId, how| {
            if how == How::InTurn {
                ahead.insert(instance.clone(), Arc::clone(&new));
            }
        };
        let told = walk(orders, steps, |instance, how| renewals.of(instance, how), ordered).await;
        self.ports.close_all_but(&new.public).await;
        self.instances.ask_to_stop(&turnover.leaving);
        self.instances.stopped(&mut self.departures).await;
        if std::mem::take(&mut self.beside) {
            self.starter.common.network.set_policy(Arc::clone(&new.policy));
        }
        self.plan = new;
        self.begun.clear();
        self.ahead.clear();
        self.let_go().await;
        Ok(ChangeSummary { instances: told, added, removed: self.departures.tell() })
    }

    /// Waits for all that were asked to stop, and removes what they have stored.
    async fn let_go(&mut self) {
        self.instances.stopped(&mut self.departures).await;
        self.departures.remove_stores(&self.starter.options.data_folder).await;
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
        let stopped = self.instances.stop_all(impatience).await;
        let mut instances = self.departures.finish().await;
        instances.extend(stopped);
        self.starter.finish();
        StopSummary { instances }
    }
}

/// Finds the certificates that the plan wants.
async fn provide(
    plan: &Arc<Plan>,
    options: &DeploymentOptions,
    edition: Edition,
    copies: &Copies,
) -> Result<Provision, StartError> {
    let (plan, data_folder) = (Arc::clone(plan), options.data_folder.clone());
    let certificates = options.certificates.clone();
    let providing = copies.spawn(move |_| Provision::new(&plan, &certificates, &data_folder, edition)).await;
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
