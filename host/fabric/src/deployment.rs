//! A deployment: a plan that runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasm_roles_role_runtime::{Clock, End, Runtime, Seed, WebInstances};
use wasm_roles_service_plan::{InstanceId, Plan};
use wasm_roles_virtual_network::Network;
use wasm_roles_web_server::AccessLogFormat;

use crate::approot::Approots;
use crate::certificates::{CertificateOptions, Edition};
use crate::change::SettingsOf;
use crate::checks::{check, provide};
use crate::components;
use crate::contents;
use crate::copies::Copies;
use crate::departures::Departures;
use crate::events::Events;
use crate::instances::Instances;
use crate::overlap;
use crate::progress::{Tracker, WalkProgress};
use crate::public_ports::PublicPorts;
use crate::publish::{self, Publication, Published};
use crate::sites;
use crate::start_error::StartError;
use crate::starter::Starter;
use crate::status_board::Statuses;
use crate::upgrade::Begun;
use crate::version::{self, Generation};

/// The stop budget of the platform's first documentation (facts: life cycle, "Stop sequence").
pub const DEFAULT_STOP_BUDGET: Duration = Duration::from_secs(30);

/// How the web servers of a deployment's web roles work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Instances that do not start with the deployment: they are [stopped](Deployment::stop_instances) until they are
    /// [started](Deployment::start_instances). Usual: none.
    pub at_rest: BTreeSet<InstanceId>,
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
    pub(crate) runtime: Runtime,
    /// What runs when no change is under way.
    pub(crate) plan: Arc<Plan>,
    /// Plans whose change was begun and not finished.
    pub(crate) begun: Vec<Arc<Plan>>,
    /// Who has the settings of one of these already.
    pub(crate) ahead: SettingsOf,
    /// The network has a policy for those who come and those who go.
    pub(crate) beside: bool,
    /// An upgrade that was begun and not finished.
    pub(crate) upgrading: Option<Box<Begun>>,
    /// The number of the last generation that was prepared.
    pub(crate) last_generation: u32,
    pub(crate) progress: Tracker,
    /// What an upgrade copies that may have been dropped.
    pub(crate) copies: Copies,
    pub(crate) departures: Departures,
    pub(crate) starter: Starter,
    pub(crate) instances: Instances,
    pub(crate) ports: PublicPorts,
    /// The copies of certificates that were made last.
    pub(crate) edition: Edition,
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
        check(&plan, &options, true)?;
        overlap::check(&plan, &options).await?;
        contents::gather(&plan, &mut options.approots, &options.data_folder, version::FIRST, copies).await?;
        let edition = Edition::default();
        let provision = provide(&plan, &options, edition, copies).await?;
        let sites = sites::open(&plan, &options.approots).await?;
        let components = components::load(runtime, &plan, &options.approots, sites, options.clock).await?;
        let bound = publish::bind(&plan, &options.publication).await.map_err(StartError::new)?;
        let generation = Generation::new(version::FIRST, &plan, &options, components);
        let (mut starter, events) = Starter::new(&plan, options, generation, provision);
        let generation = Arc::clone(&starter.generation);
        prepare(&starter.common.network);
        let (mut instances, mut ports) = (Instances::new(starter.board.clone()), PublicPorts::default());
        starter.open(&plan, &generation, bound, &mut ports);
        starter.start(&starter.views(&plan), &generation, &plan.instances, &mut instances);
        let deployment = Self {
            runtime: runtime.clone(),
            plan,
            begun: Vec::new(),
            ahead: SettingsOf::new(),
            beside: false,
            upgrading: None,
            last_generation: version::FIRST,
            progress: Tracker::default(),
            copies: Copies::new(),
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
    /// [after it](wasm_roles_service_plan::plan_after). An upgrade that was begun makes its plan this one when it cannot be taken
    /// back any more.
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

    /// The generation that runs: 1 until an [upgrade](Self::upgrade) was made. Numbers of upgrades that were refused or taken back
    /// are not used again. While one is under way, [each instance](crate::InstanceStatus::generation) has its own.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.starter.generation.number
    }

    /// Whether instances read files below this folder: those of a role that an [upgrade](Self::upgrade) has kept read the folders
    /// of the generation in which they were started.
    #[must_use]
    pub fn reads(&self, folder: &std::path::Path) -> bool {
        self.starter.generation.reads(folder)
            || self.upgrading.as_ref().is_some_and(|begun| begun.generation().reads(folder))
    }

    /// How far the last change or upgrade has come. It can be read while one is under way and holds the deployment.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<WalkProgress> {
        self.progress.watch()
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
        self.copies.give_up().await;
        let stopped = self.instances.stop_all(impatience).await;
        let mut instances = self.departures.finish().await;
        instances.extend(stopped);
        self.starter.finish();
        StopSummary { instances }
    }
}
