//! A supervisor with puppets for incarnations: they do what the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use wasm_roles_role_runtime::{
    Change, Clock, End, EnvironmentView, InstanceState, Outcome, OutputPipe, Readiness, Verdict,
};
use wasm_roles_service_plan::{InstanceId, Plan, RoleName};

use super::{Incarnation, Launcher, Ledger, Reins, Rest, Supervisor};
use crate::change::{Order, Reaction, Renewal, What};
use crate::conversation::Tell;
use crate::events::{Event, EventKind, Events};
use crate::lifecycle::{Status, Wish};
use crate::members::Members;
use crate::narrator::Reporter;
use crate::rotation::Rotation;
use crate::status_board::{Seat, StatusBoard, Statuses};
use crate::test_plans::plan_of;
use crate::version::Version;
use crate::view::Views;

/// An incarnation that does what the test says. Its target is its number.
pub(super) struct Puppet {
    number: u32,
    state: watch::Receiver<InstanceState>,
    wanted: watch::Sender<Wanted>,
    role: Arc<Mutex<Script>>,
    end: oneshot::Receiver<End>,
}

/// What was wanted of a puppet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    Nothing,
    Recycle,
    Stop,
    Kill,
}

/// What a puppet answers, and what it was told.
pub(super) struct Script {
    pub(super) readiness: Outcome<Readiness>,
    pub(super) verdict: Outcome<Verdict>,
    pub(super) news: Outcome<()>,
    pub(super) stopping: Option<Outcome<()>>,
    pub(super) told: Vec<String>,
}

impl Script {
    fn new() -> Self {
        Self {
            readiness: Outcome::Answered(Readiness::Ready),
            verdict: Outcome::Answered(Verdict::Accept),
            news: Outcome::Answered(()),
            stopping: None,
            told: Vec::new(),
        }
    }
}

#[derive(Clone)]
pub(super) struct PuppetTeller(Arc<Mutex<Script>>);

impl PuppetTeller {
    fn note<T>(&self, told: String, answer: impl Fn(&Script) -> T) -> T {
        let mut script = self.0.lock().unwrap();
        script.told.push(told);
        answer(&script)
    }
}

impl Tell for PuppetTeller {
    async fn status_check(&self) -> Outcome<Readiness> {
        self.note("status-check".to_owned(), |script| script.readiness)
    }

    async fn changing(&self, _: Vec<Change>) -> Outcome<Verdict> {
        self.note("changing".to_owned(), |script| script.verdict)
    }

    async fn changed(&self, _: Vec<Change>, view: Arc<EnvironmentView>) -> Outcome<()> {
        self.note(format!("changed to {}", view.settings["Depth"]), |script| script.news)
    }

    async fn simultaneous_changing(&self, _: Vec<Change>) -> Outcome<()> {
        self.note("simultaneous-changing".to_owned(), |script| script.news)
    }

    async fn simultaneous_changed(&self, _: Vec<Change>, view: Arc<EnvironmentView>) -> Outcome<()> {
        self.note(format!("simultaneous-changed to {}", view.settings["Depth"]), |script| script.news)
    }
}

impl Incarnation for Puppet {
    type Target = u32;
    type Teller = PuppetTeller;

    fn target(&self) -> u32 {
        self.number
    }

    fn teller(&self) -> PuppetTeller {
        PuppetTeller(Arc::clone(&self.role))
    }

    fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.clone()
    }

    fn recycle(&self) {
        self.wanted.send_replace(Wanted::Recycle);
    }

    fn stop(&self) {
        self.wanted.send_replace(Wanted::Stop);
    }

    fn kill(&self) {
        self.wanted.send_replace(Wanted::Kill);
    }

    fn stopping_outcome(&self) -> Option<Outcome<()>> {
        self.role.lock().unwrap().stopping
    }

    async fn ended(self) -> End {
        self.end.await.unwrap()
    }
}

/// The strings of a puppet.
pub(super) struct Strings {
    state: watch::Sender<InstanceState>,
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) script: Arc<Mutex<Script>>,
    /// The setting that the incarnation was started with.
    pub(super) depth: String,
    stderr: Option<OutputPipe>,
    end: Option<oneshot::Sender<End>>,
}

impl Strings {
    pub(super) fn enter(&self, state: InstanceState) {
        self.state.send_replace(state);
    }

    pub(super) async fn complains(&mut self, words: &str) {
        self.stderr.as_mut().unwrap().write_all(words.as_bytes()).await.unwrap();
    }

    pub(super) fn end(&mut self, end: End) {
        self.stderr = None;
        let _ = self.end.take().unwrap().send(end);
        self.enter(InstanceState::Ended);
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.script.lock().unwrap().told.clone()
    }
}

/// Hands the strings of each puppet to the test; refuses as often as it is told to.
struct Stage {
    strings: Arc<Mutex<VecDeque<Strings>>>,
    refusals: u32,
    depth: String,
    generation: u32,
    /// Whether a launch gets on.
    open: watch::Receiver<bool>,
}

impl Launcher for Stage {
    type Incarnation = Puppet;

    fn generation(&self) -> u32 {
        self.generation
    }

    fn renew(&mut self, renewal: Renewal) {
        self.generation = renewal.version.map_or(self.generation, |version| version.generation);
        self.depth = renewal.environment.settings["Depth"].clone();
    }

    async fn launch(&mut self, number: u32, _: OutputPipe, stderr: OutputPipe) -> Result<Puppet, String> {
        if number < self.refusals {
            return Err("no room".to_owned());
        }
        self.open.wait_for(|open| *open).await.unwrap();
        let (state, watched) = watch::channel(InstanceState::Starting);
        let (wanted, seen) = watch::channel(Wanted::Nothing);
        let (end, ended) = oneshot::channel();
        let script = Arc::new(Mutex::new(Script::new()));
        self.strings.lock().unwrap().push_back(Strings {
            state,
            wanted: seen,
            script: Arc::clone(&script),
            depth: self.depth.clone(),
            stderr: Some(stderr),
            end: Some(end),
        });
        Ok(Puppet { number, state: watched, wanted, role: script, end: ended })
    }
}

pub(super) struct Bed {
    pub(super) strings: Arc<Mutex<VecDeque<Strings>>>,
    rotation: watch::Receiver<Rotation<u32>>,
    running: watch::Receiver<Rotation<u32>>,
    pub(super) wish: watch::Sender<Wish>,
    pub(super) rest: watch::Receiver<Rest>,
    orders: mpsc::Sender<Order>,
    pub(super) statuses: Statuses,
    /// Launches wait as long as this is false.
    pub(super) stage: watch::Sender<bool>,
    pub(super) events: Events,
    pub(super) supervised: JoinHandle<Option<End>>,
}

/// A plan of one instance whose setting `Depth` has this value.
fn plan(depth: &str) -> Plan {
    plan_of(
        r#"<WorkerRole name="W"><ConfigurationSettings><Setting name="Depth" /></ConfigurationSettings></WorkerRole>"#,
        &format!(
            r#"<Role name="W"><Instances count="1" /><ConfigurationSettings>
               <Setting name="Depth" value="{depth}" /></ConfigurationSettings></Role>"#
        ),
    )
}

/// What changes `Depth` to this value.
pub(super) fn renewal(depth: &str) -> Renewal {
    let plan = Arc::new(plan(depth));
    let views = Views::new(Arc::clone(&plan), "d", true);
    let environment = Arc::new(views.of(&plan.instances[0].id).unwrap());
    Renewal { plan, environment, provision: None, version: None }
}

/// The same of the second generation.
pub(super) fn next_generation(depth: &str) -> Renewal {
    let renewal = renewal(depth);
    let version = Version::of_nothing(2, renewal.plan.instances[0].clone());
    Renewal { version: Some(Arc::new(version)), ..renewal }
}

impl Bed {
    /// The first launches fail, as often as `refusals` says. Incarnations have the setting `Depth` at 1.
    pub(super) fn open(refusals: u32) -> Self {
        let strings = Arc::default();
        let clock = Clock::new(SystemTime::UNIX_EPOCH);
        let (sender, events) = Events::channel();
        let id = InstanceId::new(&RoleName::new("W").unwrap(), 0);
        let (reporter, narrator) = Reporter::new(id.clone(), clock, sender);
        tokio::spawn(narrator);
        let (board, seat) = (StatusBoard::new(), Seat { role: 0, ordinal: 0 });
        board.enter(seat, id, 1, clock.wall());
        let statuses = board.watch();
        let members = Members::new();
        let (rotation, running) = (members.ready(), members.running());
        let (wish, wished) = watch::channel(Wish::Run);
        let (orders, ordered) = mpsc::channel(1);
        let (rests, rest) = watch::channel(Rest::No);
        let (curtain, open) = watch::channel(true);
        let (depth, generation) = ("1".to_owned(), 1);
        let stage = Stage { strings: Arc::clone(&strings), refusals, depth, generation, open };
        let ledger = Ledger { reporter, board, seat, clock };
        let reins = Reins { wish: wished, orders: ordered, rest: rests };
        let supervised = tokio::spawn(Supervisor::new(stage, members.place(0), reins, ledger).supervise());
        let stage = curtain;
        Self { strings, rotation, running, wish, rest, orders, statuses, stage, events, supervised }
    }

    /// A bed whose first puppet is Ready.
    pub(super) async fn open_and_ready() -> (Self, Strings) {
        let mut bed = Self::open(0);
        let strings = bed.next_ready().await;
        (bed, strings)
    }

    /// Waits for the next launch and makes that puppet Ready.
    pub(super) async fn next_ready(&mut self) -> Strings {
        self.becomes(Status::Starting).await;
        let strings = self.strings();
        strings.enter(InstanceState::Ready);
        self.becomes(Status::Ready).await;
        strings
    }

    pub(super) async fn hears(&mut self, wanted: impl Fn(&EventKind) -> bool) -> Event {
        loop {
            let event = self.events.next().await.expect("the supervisor has ended");
            if wanted(&event.kind) {
                return event;
            }
        }
    }

    pub(super) async fn becomes(&mut self, wanted: Status) -> Event {
        self.hears(|kind| matches!(kind, EventKind::StatusChanged { status, .. } if *status == wanted)).await
    }

    pub(super) fn strings(&self) -> Strings {
        self.strings.lock().unwrap().pop_front().expect("no incarnation was launched")
    }

    pub(super) fn in_rotation(&self) -> Vec<u32> {
        self.rotation.borrow().from_turn(Default::default()).map(|(_, target)| *target).collect()
    }

    /// Who runs, in whatever state.
    pub(super) fn running(&self) -> Vec<u32> {
        self.running.borrow().from_turn(Default::default()).map(|(_, target)| *target).collect()
    }

    /// Orders a change of `Depth`.
    pub(super) async fn orders(&self, what: What) -> oneshot::Receiver<Reaction> {
        let changes = vec![Change::ConfigurationSetting("Depth".to_owned())];
        let (reply, replied) = oneshot::channel();
        let sent = self.orders.send(Order { what, changes, reply }).await;
        assert!(sent.is_ok(), "nobody takes orders");
        replied
    }
}
