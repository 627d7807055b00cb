//! Starts the instances and public ports of a deployment, when it begins and while it runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Weak};

use rand::Rng;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use wasm_roles_role_runtime::Seed;
use wasm_roles_service_plan::{Availability, Plan, PlannedInstance, PublicPort, RoleName};
use wasm_roles_virtual_network::Network;

use crate::backends::Backends;
use crate::balancer::Balancer;
use crate::certificates::Provision;
use crate::change::Renewal;
use crate::components::Components;
use crate::datagrams::DatagramBalancer;
use crate::deployment::DeploymentOptions;
use crate::door::{Entrance, TlsEntrance};
use crate::entry::Entry;
use crate::events::{Event, EventKind, Events, Herald};
use crate::hairpin::Hairpin;
use crate::instances::Instances;
use crate::launch::{Common, RoleLauncher};
use crate::lifecycle::Wish;
use crate::members::Members;
use crate::narrator::Reporter;
use crate::probe::prober::Prober;
use crate::public_ports::{Ending, PublicPorts, Serving};
use crate::public_socket::PublicSocket;
use crate::publish::Bound;
use crate::status_board::{Seat, StatusBoard};
use crate::supervisor::{Ledger, Supervisor};
use crate::tls::Spoken;
use crate::usage::Meters;
use crate::version::Generation;
use crate::view::Views;

/// What all instances and ports of a deployment are started with.
pub(crate) struct Starter {
    pub(crate) options: DeploymentOptions,
    pub(crate) common: Arc<Common>,
    /// Those who start from now on have it.
    pub(crate) provision: Arc<Provision>,
    /// What those who start run, unless it is said otherwise.
    pub(crate) generation: Arc<Generation>,
    members: BTreeMap<RoleName, Members<Entry>>,
    /// The place of each role on the board. Roles that come with an upgrade come after all others.
    positions: BTreeMap<RoleName, usize>,
    pub(crate) board: StatusBoard,
    herald: Herald,
    /// The network asks it, and does not keep it.
    hairpin: Arc<Hairpin<Entry>>,
    sender: mpsc::Sender<Event>,
    /// They end by themselves when the last event of their instance is told.
    narrators: JoinSet<()>,
    /// Dropped with the deployment: then the herald has nothing more to tell.
    _herald_alive: oneshot::Sender<Infallible>,
}

impl Starter {
    pub(crate) fn new(
        plan: &Arc<Plan>,
        mut options: DeploymentOptions,
        generation: Generation,
        provision: Provision,
    ) -> (Self, Events) {
        // What is said of others would hold for those who get their names later.
        options.at_rest.retain(|instance| plan.instance(instance).is_some());
        let (sender, events) = Events::channel();
        let (herald_alive, alive) = oneshot::channel();
        let (herald, carry) = Herald::new(Arc::clone(plan), options.clock, sender.clone(), alive);
        let mut narrators = JoinSet::new();
        narrators.spawn(carry);
        for notice in provision.notices_beyond(&Provision::default()) {
            herald.tell(EventKind::Certificate(notice.clone()));
        }
        let common = Arc::new(Common {
            deployment_id: deployment_id(&options.seed),
            network: Network::new(Arc::clone(&plan.policy), Arc::new(herald.clone())),
            meters: Meters::default(),
            clock: options.clock,
            seed: options.seed,
        });
        let hairpin = Arc::new(Hairpin::new());
        common.network.set_public_ports(Arc::downgrade(&hairpin) as Weak<_>);
        let mut starter = Self {
            options,
            common,
            provision: Arc::new(provision),
            generation: Arc::new(generation),
            members: BTreeMap::new(),
            positions: BTreeMap::new(),
            board: StatusBoard::new(),
            herald,
            hairpin,
            sender,
            narrators,
            _herald_alive: herald_alive,
        };
        starter.know_roles(plan);
        (starter, events)
    }

    /// Instances of the roles of this plan may start from now on, and those that were known before.
    pub(crate) fn know_roles(&mut self, plan: &Plan) {
        for role in &plan.roles {
            let next = self.positions.values().max().map_or(0, |last| last.saturating_add(1));
            self.positions.entry(role.name.clone()).or_insert(next);
            self.members.entry(role.name.clone()).or_insert_with(Members::new);
        }
    }

    /// Nobody of another role than this plan's runs, or will.
    pub(crate) fn forget_roles_but(&mut self, plan: &Plan) {
        self.positions.retain(|role, _| plan.role(role).is_some());
        self.members.retain(|role, _| plan.role(role).is_some());
    }

    /// What the instances of `plan` see.
    pub(crate) fn views(&self, plan: &Arc<Plan>) -> Views {
        Views::new(Arc::clone(plan), &self.common.deployment_id, self.options.emulated)
    }

    /// Denials are explained by this plan from now on.
    pub(crate) fn explain_by(&self, plan: &Arc<Plan>) {
        self.herald.explain_by(Arc::clone(plan));
    }

    /// Other certificates, for those who start from now on. Says what runs differently with them.
    pub(crate) fn provide(&mut self, provision: Arc<Provision>) {
        for notice in provision.notices_beyond(&self.provision) {
            self.herald.tell(EventKind::Certificate(notice.clone()));
        }
        self.provision = provision;
    }

    /// Opens public ports: they are served, and the instances tried if the port has a probe. A port that is open is served anew,
    /// with the socket that it has.
    pub(crate) fn open(&self, plan: &Plan, generation: &Generation, bound: Bound, ports: &mut PublicPorts) {
        for (published, socket) in bound {
            let serving = self.balance(plan, generation, &published.public, socket);
            ports.open(published, serving);
        }
    }

    fn balance(
        &self,
        plan: &Plan,
        generation: &Generation,
        public: &PublicPort,
        socket: PublicSocket,
    ) -> Serving {
        let mut serving = Serving::of(socket.clone());
        let Some(members) = self.members.get(&public.role) else { return serving };
        let only = public.instance.as_ref().and_then(|id| plan.instance(id));
        let (rotation, healthy) = match &public.availability {
            Availability::Ready => (members.ready(), None),
            Availability::Running => (members.running(), None),
            Availability::Probed(probe) => {
                let (public, running) = (public.clone(), members.running());
                let prober = Prober::new(public, probe.clone(), running.clone(), self.herald.clone());
                let healthy = prober.healthy();
                serving.proved = Some(prober.proved());
                serving.tasks.spawn(prober.run());
                (running, Some(healthy))
            }
        };
        let only = only.map(|instance| instance.ordinal);
        let backends = Backends { public: public.clone(), only, rotation, healthy };
        let herald = self.herald.clone();
        match socket {
            PublicSocket::Tcp(slot) => {
                let listener = slot.begin_use();
                let acceptor = self.provision.acceptor(&public.role, &public.endpoint).cloned();
                let (gave_up, tls) = match acceptor {
                    Some(acceptor) => {
                        let (gave_up, inside) = self.hairpin.open_door(public.port.get());
                        let (ending, acceptor) = Ending::new(&acceptor, spoken_by(generation, &public.role));
                        serving.tls = Some(ending);
                        (gave_up, Some(TlsEntrance { acceptor, inside }))
                    }
                    None => (self.hairpin.open(backends.clone()), None),
                };
                let entrance = Entrance { listener, gave_up, tls };
                serving.doors.spawn(Balancer { backends, herald }.serve(entrance));
            }
            PublicSocket::Udp(socket) => {
                let inside = self.hairpin.open_datagrams(backends.clone(), herald.clone());
                serving.tasks.spawn(inside.serve());
                serving.doors.spawn(DatagramBalancer { backends, herald }.serve(socket.begin_use()));
            }
        }
        serving
    }

    /// Starts these instances of the plan that `views` shows; they run this generation.
    pub(crate) fn start<'a>(
        &mut self,
        views: &Views,
        generation: &Generation,
        coming: impl IntoIterator<Item = &'a PlannedInstance>,
        instances: &mut Instances,
    ) {
        // Those of instances that are gone.
        while self.narrators.try_join_next().is_some() {}
        self.common.meters.keep(|instance| instances.get(instance).is_some());
        for instance in coming {
            let position = self.positions.get(&instance.role).copied();
            let Some((launcher, reporter)) = self.launcher(views, generation, instance) else { continue };
            let (Some(role), Some(members)) = (position, self.members.get(&instance.role)) else { continue };
            let (place, seat) = (members.place(instance.ordinal), Seat { role, ordinal: instance.ordinal });
            let ledger = Ledger { reporter, board: self.board.clone(), seat, clock: self.options.clock };
            self.common.meters.created(&instance.id);
            let wish = if self.options.at_rest.remove(&instance.id) { Wish::Rest } else { Wish::Run };
            let since = self.options.clock.wall();
            instances.start(instance, (seat, since), (generation.number, wish), |reins| {
                Supervisor::new(launcher, place, reins, ledger)
            });
        }
    }

    fn launcher(
        &mut self,
        views: &Views,
        generation: &Generation,
        instance: &PlannedInstance,
    ) -> Option<(RoleLauncher, Reporter)> {
        let (plan, options) = (views.plan(), &self.options);
        let version = generation.version(plan, instance, &options.data_folder, false)?;
        let renewal = Renewal {
            plan: Arc::clone(plan),
            environment: Arc::new(views.of(&instance.id)?),
            provision: Some(Arc::clone(&self.provision)),
            version: None,
        };
        let (reporter, narrator) = Reporter::new(instance.id.clone(), options.clock, self.sender.clone());
        reporter.set_log_rate(instance.limits.log_bytes_per_second);
        self.narrators.spawn(narrator);
        let launcher = RoleLauncher::new(Arc::clone(&self.common), version, renewal, reporter.for_tasks());
        Some((launcher, reporter))
    }

    /// Nobody is started any more. What is still to be told is told.
    pub(crate) fn finish(mut self) {
        self.narrators.detach_all();
    }
}

/// Whether a role's instances answer with a web server, or read the bytes themselves.
pub(crate) fn spoken_by(generation: &Generation, role: &RoleName) -> Spoken {
    let components = generation.components.get(role);
    let has_server = |found: &Components| found.role.shape().http.is_some() || found.sites.has_files();
    if components.is_some_and(has_server) { Spoken::ByWebServer } else { Spoken::ByRole }
}

/// The id of the deployment that is started with this seed: 32 hexadecimal digits.
#[must_use]
pub fn deployment_id(seed: &Seed) -> String {
    let mut bytes = [0; 16];
    seed.derive("deployment id").generator().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}
