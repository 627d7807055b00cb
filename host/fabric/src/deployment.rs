//! A deployment: a plan that runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use wasm_roles_role_runtime::{Clock, End, Runtime, Seed};
use wasm_roles_service_plan::{Availability, InstanceId, Plan, PlannedInstance, PublicPort, RoleName};
use wasm_roles_virtual_network::{Interface, Network};

use crate::approot::Approots;
use crate::balancer::Balancer;
use crate::change::{ChangeError, ChangeSummary, Difference, Instances, Order, Renewals, walk};
use crate::components::{self, Components};
use crate::contents;
use crate::events::{Event, Events, Herald};
use crate::launch::{Common, Directories, RoleLauncher};
use crate::members::Members;
use crate::narrator::Reporter;
use crate::probe::prober::Prober;
use crate::publish::{self, Publication, Published};
use crate::start_error::{Problem, StartError};
use crate::status_board::{StatusBoard, Statuses};
use crate::storage::Stores;
use crate::supervisor::{Ledger, Supervisor, Wish};
use crate::variables;
use crate::view::view;

/// The stop budget of the platform's first documentation (facts: life cycle, "Stop sequence").
pub const DEFAULT_STOP_BUDGET: Duration = Duration::from_secs(30);

/// Orders that wait for a supervisor. There is one change at a time, so two are many.
const ORDERS: usize = 2;

/// How a deployment is run.
#[derive(Clone, Debug)]
pub struct DeploymentOptions {
    /// Where components lie.
    pub approots: Approots,
    /// Where public ports listen.
    pub publication: Publication,
    /// How long an instance may take to stop before it is cut off. Usual: [`DEFAULT_STOP_BUDGET`].
    pub stop_budget: Duration,
    /// Where local stores are kept, and the folders of roles with `Contents`. It should belong to the user alone. Nothing
    /// is written there when no role has either.
    pub data_folder: PathBuf,
    /// What instances are told when they ask whether they run in a test bed.
    pub emulated: bool,
    /// What time it is.
    pub clock: Clock,
    /// Where all random numbers come from, the deployment's id included.
    pub seed: Seed,
}

/// A running deployment. Dropping it cuts all instances off.
pub struct Deployment {
    id: String,
    /// What runs, or is being walked to.
    plan: Arc<Plan>,
    emulated: bool,
    orders: Instances,
    published: Vec<Published>,
    statuses: Statuses,
    wish: watch::Sender<Wish>,
    supervisors: JoinSet<StoppedInstance>,
    balancers: JoinSet<()>,
    narrators: JoinSet<()>,
    /// Dropped with the deployment: then the herald has nothing more to tell.
    _herald_alive: oneshot::Sender<Infallible>,
}

/// How the instances of a deployment stopped, in the order in which they did.
#[derive(Clone, Debug)]
pub struct StopSummary {
    /// Every instance.
    pub instances: Vec<StoppedInstance>,
}

/// How an instance stopped.
#[derive(Clone, Debug)]
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
        mut options: DeploymentOptions,
    ) -> Result<(Self, Events), StartError> {
        check(&plan, &options)?;
        contents::gather(&plan, &mut options.approots, &options.data_folder).await?;
        let components = components::load(runtime, &plan, &options.approots).await?;
        let ports = publish::bind(&plan, &options.publication).await.map_err(StartError::new)?;
        Ok(Starter::new(plan, options).start(components, ports))
    }

    /// The deployment's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public ports, and where they listen.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.published
    }

    /// The status of all instances.
    #[must_use]
    pub fn statuses(&self) -> Statuses {
        self.statuses.clone()
    }

    /// Changes the configuration while the service runs, to that of `new`: another plan of the same service definition.
    ///
    /// Each instance that a change concerns hears `changing` and `changed`, one upgrade domain after the other; those that
    /// refuse are recycled (facts: section 7.5). This returns when all have reacted; an instance that is recycled is waited
    /// for until it is Ready again, at most [`READY_AGAIN`](crate::change::READY_AGAIN). If the future is dropped before,
    /// a part of the instances has the new configuration, and the same call finishes the rest.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]: only settings can be changed. Then nothing was changed.
    pub async fn change(&mut self, new: Arc<Plan>) -> Result<ChangeSummary, ChangeError> {
        let difference = Difference::between(&self.plan, &new)?;
        if !difference.topology().is_empty() {
            return Err(ChangeError::Instances { roles: difference.topology().to_vec() });
        }
        let steps = difference.steps(&self.plan, &new);
        let renewals = Renewals::new(&self.plan, Arc::clone(&new), &self.id, self.emulated);
        let summary = walk(&self.orders, steps, |instance, how| renewals.of(instance, how)).await;
        self.plan = new;
        Ok(summary)
    }

    /// Closes the public ports, then stops all instances at the same time: each leaves the rotation, is asked to stop,
    /// and is cut off when its stop budget is over. Connections that instances have are theirs to finish.
    ///
    /// The events of the stop can be read while this waits and after it has returned.
    pub async fn stop(mut self) -> StopSummary {
        self.balancers.shutdown().await;
        self.wish.send_replace(Wish::Stop);
        let mut instances = Vec::with_capacity(self.supervisors.len());
        while let Some(stopped) = self.supervisors.join_next().await {
            // A supervisor that failed has dropped its instance, which is as good as stopped.
            instances.extend(stopped);
        }
        // They end by themselves when the last event is told.
        self.narrators.detach_all();
        StopSummary { instances }
    }
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

/// Builds a deployment out of its parts.
struct Starter {
    plan: Arc<Plan>,
    options: DeploymentOptions,
    common: Arc<Common>,
    members: BTreeMap<RoleName, Members<Interface>>,
    board: StatusBoard,
    herald: Herald,
    sender: mpsc::Sender<Event>,
    events: Events,
    narrators: JoinSet<()>,
    herald_alive: oneshot::Sender<Infallible>,
}

impl Starter {
    fn new(plan: Arc<Plan>, options: DeploymentOptions) -> Self {
        let (sender, events) = Events::channel();
        let (herald_alive, alive) = oneshot::channel();
        let (herald, carry) = Herald::new(Arc::clone(&plan), options.clock, sender.clone(), alive);
        let mut narrators = JoinSet::new();
        narrators.spawn(carry);
        let common = Arc::new(Common {
            deployment_id: deployment_id(&options.seed),
            network: Network::new(Arc::clone(&plan.policy), Arc::new(herald.clone())),
            stop_budget: options.stop_budget,
            clock: options.clock,
            seed: options.seed,
        });
        let members = plan.roles.iter().map(|role| (role.name.clone(), Members::new())).collect();
        let board = StatusBoard::new(plan.instances.iter().map(|instance| instance.id.clone()));
        Self { plan, options, common, members, board, herald, sender, events, narrators, herald_alive }
    }

    fn start(
        mut self,
        components: BTreeMap<RoleName, Components>,
        ports: Vec<(Published, Option<TcpListener>)>,
    ) -> (Deployment, Events) {
        let (wish, wished) = watch::channel(Wish::Run);
        let mut balancers = JoinSet::new();
        let mut published = Vec::with_capacity(ports.len());
        for (port, listener) in ports {
            if let Some(listener) = listener {
                self.balance(&port.public, listener, &mut balancers);
            }
            published.push(port);
        }
        let (mut supervisors, mut orders) = (JoinSet::new(), Instances::new());
        let plan = Arc::clone(&self.plan);
        for (position, instance) in plan.instances.iter().enumerate() {
            let (order, ordered) = mpsc::channel(ORDERS);
            let supervisor = self.supervisor(position, instance, &components, wished.clone(), ordered);
            if let Some(supervisor) = supervisor {
                let instance = instance.id.clone();
                orders.insert(instance.clone(), order);
                supervisors
                    .spawn(async move { StoppedInstance { instance, end: supervisor.supervise().await } });
            }
        }
        let deployment = Deployment {
            id: self.common.deployment_id.clone(),
            plan: self.plan,
            emulated: self.options.emulated,
            orders,
            published,
            statuses: self.board.watch(),
            wish,
            supervisors,
            balancers,
            narrators: self.narrators,
            _herald_alive: self.herald_alive,
        };
        (deployment, self.events)
    }

    /// Serves a public port, and tries the instances if it has a probe.
    fn balance(&self, public: &PublicPort, listener: TcpListener, balancers: &mut JoinSet<()>) {
        let Some(members) = self.members.get(&public.role) else { return };
        let only = public.instance.as_ref().and_then(|id| self.plan.instance(id));
        let (rotation, healthy) = match &public.availability {
            Availability::Ready => (members.ready(), None),
            Availability::Running => (members.running(), None),
            Availability::Probed(probe) => {
                let (public, running) = (public.clone(), members.running());
                let prober = Prober::new(public, probe.clone(), running.clone(), self.herald.clone());
                let healthy = prober.healthy();
                balancers.spawn(prober.run());
                (running, Some(healthy))
            }
        };
        let balancer = Balancer {
            public: public.clone(),
            only: only.map(|instance| instance.ordinal),
            rotation,
            healthy,
            herald: self.herald.clone(),
        };
        balancers.spawn(balancer.serve(listener));
    }

    fn supervisor(
        &mut self,
        position: usize,
        instance: &PlannedInstance,
        components: &BTreeMap<RoleName, Components>,
        wish: watch::Receiver<Wish>,
        orders: mpsc::Receiver<Order>,
    ) -> Option<Supervisor<RoleLauncher>> {
        let (plan, options) = (&self.plan, &self.options);
        let role = plan.role(&instance.role)?;
        let (reporter, narrator) = Reporter::new(instance.id.clone(), options.clock, self.sender.clone());
        self.narrators.spawn(narrator);
        let launcher = RoleLauncher::new(
            components.get(&instance.role)?.clone(),
            Arc::clone(&self.common),
            Arc::clone(plan),
            instance.clone(),
            view(plan, instance, &self.common.deployment_id, options.emulated),
            Directories {
                approot: options.approots.folder(&role.name, Path::is_dir),
                stores: Stores::new(&options.data_folder, &instance.id, &role.local_resources),
            },
            reporter.for_tasks(),
        );
        let place = self.members.get(&instance.role)?.place(instance.ordinal);
        let ledger = Ledger { reporter, board: self.board.clone(), position, clock: options.clock };
        Some(Supervisor::new(launcher, place, wish, orders, ledger))
    }
}

fn deployment_id(seed: &Seed) -> String {
    let mut bytes = [0; 16];
    seed.derive("deployment id").generator().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}
