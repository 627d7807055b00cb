//! Keeps one instance alive: does what its [`Lifecycle`] says.
//!
//! The supervisor knows an incarnation only as an [`Incarnation`], so that back-off, rotation and stopping are tested
//! without WebAssembly and on paused time.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use wasm_roles_role_runtime::{Clock, End, InstanceState, OutputPipe};

use crate::lifecycle::{Action, Input, Lifecycle, Status};
use crate::narrator::Reporter;
use crate::rotation::Rotation;
use crate::status_board::StatusBoard;

/// One incarnation of an instance. Dropping it cuts it off.
pub(crate) trait Incarnation: Send + 'static {
    /// What the balancer needs to send it traffic.
    type Target: Send + Sync + 'static;

    fn target(&self) -> Self::Target;
    fn state(&self) -> watch::Receiver<InstanceState>;
    fn stop(&self);
    fn ended(self) -> impl Future<Output = End> + Send;
}

/// Starts the incarnations of one instance.
pub(crate) trait Launcher: Send + 'static {
    type Incarnation: Incarnation;

    /// Starts incarnation `number`, counted from 0. An error says why it cannot be started; it is tried again like one
    /// that failed.
    fn launch(
        &mut self,
        number: u32,
        stdout: OutputPipe,
        stderr: OutputPipe,
    ) -> impl Future<Output = Result<Self::Incarnation, String>> + Send;
}

/// An instance's place in the rotation of its role.
pub(crate) struct Place<T> {
    pub(crate) rotation: watch::Sender<Rotation<T>>,
    pub(crate) ordinal: u32,
}

impl<T> Place<T> {
    fn enter(&self, target: T) {
        self.rotation.send_modify(|rotation| rotation.enter(self.ordinal, target));
    }

    /// When this returns, no balancer sends the instance anything any more.
    fn leave(&self) {
        self.rotation.send_if_modified(|rotation| rotation.leave(self.ordinal));
    }
}

/// What the owner of the instance wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Run,
    Stop,
}

/// Where a supervisor writes what it does.
pub(crate) struct Ledger {
    pub(crate) reporter: Reporter,
    pub(crate) board: StatusBoard,
    /// The instance's position in the plan.
    pub(crate) position: usize,
    pub(crate) clock: Clock,
}

pub(crate) struct Supervisor<L: Launcher> {
    launcher: L,
    place: Place<<L::Incarnation as Incarnation>::Target>,
    wish: watch::Receiver<Wish>,
    ledger: Ledger,
    running: Option<Running<L::Incarnation>>,
    launched: u32,
    last_end: Option<End>,
    back_off_over: Instant,
}

struct Running<I> {
    incarnation: I,
    state: watch::Receiver<InstanceState>,
}

impl<L: Launcher> Supervisor<L> {
    pub(crate) fn new(
        launcher: L,
        place: Place<<L::Incarnation as Incarnation>::Target>,
        wish: watch::Receiver<Wish>,
        ledger: Ledger,
    ) -> Self {
        Self {
            launcher,
            place,
            wish,
            ledger,
            running: None,
            launched: 0,
            last_end: None,
            back_off_over: Instant::now(),
        }
    }

    /// Runs the instance until it was asked to stop and has stopped. Gives the end of the incarnation that was
    /// running when it was asked, if one was.
    pub(crate) async fn supervise(mut self) -> Option<End> {
        let mut life = Lifecycle::new();
        let mut input = Input::Start;
        loop {
            let (next, actions) = life.step(input);
            let was_stopping = life.status() == Status::Stopping;
            for action in actions {
                self.act(action).await;
            }
            if next.status() != life.status() {
                self.ledger.board.set(self.ledger.position, next.status());
                self.ledger.reporter.status(next.status());
            }
            life = next;
            if life.status() == Status::Stopped {
                return self.last_end.filter(|_| was_stopping);
            }
            input = self.next_input(life.status()).await;
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Launch => self.launch().await,
            Action::EnterRotation => {
                if let Some(running) = &self.running {
                    self.place.enter(running.incarnation.target());
                }
            }
            Action::LeaveRotation => self.place.leave(),
            Action::StopIncarnation => {
                if let Some(running) = &self.running {
                    running.incarnation.stop();
                }
            }
            Action::Wait { attempt, delay } => {
                self.back_off_over = Instant::now() + delay;
                let reason = self.last_end.as_ref().map(ToString::to_string).unwrap_or_default();
                self.ledger.reporter.recycling(attempt, delay, reason);
            }
        }
    }

    async fn launch(&mut self) {
        let (stdout, stderr) = self.ledger.reporter.new_incarnation();
        let number = self.launched;
        self.launched = self.launched.saturating_add(1);
        match self.launcher.launch(number, stdout, stderr).await {
            Ok(incarnation) => {
                let mut state = incarnation.state();
                state.mark_changed(); // it may have come far already
                self.running = Some(Running { incarnation, state });
            }
            Err(reason) => self.note_end(End::StartFailed { reason }),
        }
    }

    fn note_end(&mut self, end: End) {
        self.ledger.reporter.ended(end.clone());
        self.last_end = Some(end);
    }

    /// What happens next.
    async fn next_input(&mut self, status: Status) -> Input {
        let clock = self.ledger.clock;
        let Some(running) = &mut self.running else {
            return self.next_input_without_incarnation(status).await;
        };
        let state = tokio::select! {
            biased;
            // Once it is stopping, it need not be told again.
            () = stop_wished(&mut self.wish), if status != Status::Stopping => return Input::Stop,
            state = next_state(&mut running.state) => state,
        };
        match state {
            InstanceState::Starting | InstanceState::Ready => Input::Ready { at: clock.elapsed() },
            InstanceState::Stopping => Input::Leaving { at: clock.elapsed() },
            InstanceState::Ended => {
                if let Some(running) = self.running.take() {
                    let end = running.incarnation.ended().await;
                    self.note_end(end);
                }
                Input::Ended { at: clock.elapsed() }
            }
        }
    }

    async fn next_input_without_incarnation(&mut self, status: Status) -> Input {
        if status == Status::Starting {
            return Input::Ended { at: self.ledger.clock.elapsed() }; // it could not be launched
        }
        tokio::select! {
            biased;
            () = stop_wished(&mut self.wish) => Input::Stop,
            () = sleep_until(self.back_off_over) => Input::BackOffOver,
        }
    }
}

/// The state of an incarnation, when it has got beyond Starting or changes after that.
async fn next_state(state: &mut watch::Receiver<InstanceState>) -> InstanceState {
    loop {
        if state.changed().await.is_err() {
            return InstanceState::Ended;
        }
        let now = *state.borrow_and_update();
        if now > InstanceState::Starting {
            return now;
        }
    }
}

/// Returns when the instance shall stop. An owner that is gone wants nothing to run.
async fn stop_wished(wish: &mut watch::Receiver<Wish>) {
    let _ = wish.wait_for(|wish| *wish == Wish::Stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, EventKind, Events};
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use wasm_roles_service_plan::{InstanceId, RoleName};

    /// An incarnation that does what the test says. Its target is its number.
    struct Puppet {
        number: u32,
        state: watch::Receiver<InstanceState>,
        stop_asked: watch::Sender<bool>,
        end: oneshot::Receiver<End>,
    }

    /// The strings of a puppet.
    struct Strings {
        state: watch::Sender<InstanceState>,
        stop_asked: watch::Receiver<bool>,
        end: Option<oneshot::Sender<End>>,
    }

    impl Strings {
        fn enter(&self, state: InstanceState) {
            self.state.send_replace(state);
        }

        fn end(&mut self, end: End) {
            let _ = self.end.take().unwrap().send(end);
            self.enter(InstanceState::Ended);
        }
    }

    impl Incarnation for Puppet {
        type Target = u32;

        fn target(&self) -> u32 {
            self.number
        }

        fn state(&self) -> watch::Receiver<InstanceState> {
            self.state.clone()
        }

        fn stop(&self) {
            self.stop_asked.send_replace(true);
        }

        async fn ended(self) -> End {
            self.end.await.unwrap()
        }
    }

    /// Hands the strings of each puppet to the test; refuses as often as it is told to.
    struct Stage {
        strings: Arc<Mutex<VecDeque<Strings>>>,
        refusals: u32,
    }

    impl Launcher for Stage {
        type Incarnation = Puppet;

        async fn launch(&mut self, number: u32, _: OutputPipe, _: OutputPipe) -> Result<Puppet, String> {
            if number < self.refusals {
                return Err("no room".to_owned());
            }
            let (state, watched) = watch::channel(InstanceState::Starting);
            let (stop_asked, stop_seen) = watch::channel(false);
            let (end, ended) = oneshot::channel();
            let strings = Strings { state, stop_asked: stop_seen, end: Some(end) };
            self.strings.lock().unwrap().push_back(strings);
            Ok(Puppet { number, state: watched, stop_asked, end: ended })
        }
    }

    struct Theatre {
        strings: Arc<Mutex<VecDeque<Strings>>>,
        rotation: watch::Receiver<Rotation<u32>>,
        wish: watch::Sender<Wish>,
        events: Events,
        supervised: JoinHandle<Option<End>>,
    }

    impl Theatre {
        fn open(refusals: u32) -> Self {
            let strings = Arc::default();
            let clock = Clock::new(SystemTime::UNIX_EPOCH);
            let (sender, events) = Events::channel();
            let id = InstanceId::new(&RoleName::new("W").unwrap(), 0);
            let (reporter, narrator) = Reporter::new(id.clone(), clock, sender);
            tokio::spawn(narrator);
            let board = StatusBoard::new(std::iter::once(id));
            let (rotation, watched) = watch::channel(Rotation::new());
            let (wish, wished) = watch::channel(Wish::Run);
            let stage = Stage { strings: Arc::clone(&strings), refusals };
            let place = Place { rotation, ordinal: 0 };
            let ledger = Ledger { reporter, board, position: 0, clock };
            let supervised = tokio::spawn(Supervisor::new(stage, place, wished, ledger).supervise());
            Self { strings, rotation: watched, wish, events, supervised }
        }

        async fn hears(&mut self, wanted: impl Fn(&EventKind) -> bool) -> Event {
            loop {
                let event = self.events.next().await.expect("the supervisor has ended");
                if wanted(&event.kind) {
                    return event;
                }
            }
        }

        async fn becomes(&mut self, wanted: Status) -> Event {
            self.hears(|kind| matches!(kind, EventKind::StatusChanged { status, .. } if *status == wanted))
                .await
        }

        fn strings(&self) -> Strings {
            self.strings.lock().unwrap().pop_front().expect("no incarnation was launched")
        }

        fn in_rotation(&self) -> Vec<u32> {
            self.rotation.borrow().from_turn(Default::default()).map(|(_, target)| *target).collect()
        }
    }

    fn returned() -> End {
        End::RunReturned { result: Ok(()) }
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_takes_traffic_from_ready_until_it_is_asked_to_stop() {
        let mut theatre = Theatre::open(0);
        theatre.becomes(Status::Starting).await;
        let mut strings = theatre.strings();
        assert_eq!(theatre.in_rotation(), []);
        strings.enter(InstanceState::Ready);
        theatre.becomes(Status::Ready).await;
        assert_eq!(theatre.in_rotation(), [0]);

        theatre.wish.send_replace(Wish::Stop);
        strings.stop_asked.wait_for(|asked| *asked).await.unwrap();
        assert_eq!(theatre.in_rotation(), [], "it was asked to stop while it was in the rotation");
        strings.end(End::Stopped { forced: false });
        theatre.becomes(Status::Stopped).await;
        assert_eq!(theatre.supervised.await.unwrap(), Some(End::Stopped { forced: false }));
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_ends_is_started_again_after_one_two_and_four_seconds() {
        let mut theatre = Theatre::open(0);
        let mut ended = Duration::ZERO;
        for seconds in [0, 1, 2, 4] {
            let started = theatre.becomes(Status::Starting).await.time;
            assert_eq!(started - ended, Duration::from_secs(seconds));
            let mut strings = theatre.strings();
            strings.enter(InstanceState::Ready);
            theatre.becomes(Status::Ready).await;
            strings.end(returned());
            ended = theatre.hears(|kind| matches!(kind, EventKind::Ended { .. })).await.time;
            assert_eq!(theatre.in_rotation(), []);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_incarnation_that_leaves_by_itself_is_out_of_the_rotation_before_it_has_ended() {
        let mut theatre = Theatre::open(0);
        theatre.becomes(Status::Starting).await;
        let strings = theatre.strings();
        strings.enter(InstanceState::Ready);
        theatre.becomes(Status::Ready).await;
        strings.enter(InstanceState::Stopping);
        theatre.becomes(Status::Recycling).await;
        assert_eq!(theatre.in_rotation(), []);
        assert!(!*strings.stop_asked.borrow());
    }

    #[tokio::test(start_paused = true)]
    async fn an_incarnation_that_cannot_be_launched_is_tried_again() {
        let mut theatre = Theatre::open(2);
        for attempt in 1..=2 {
            let recycling = theatre.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await;
            let EventKind::Recycling { attempt: told, reason, .. } = recycling.kind else {
                panic!("{recycling:?}")
            };
            assert_eq!((told, reason.as_str()), (attempt, "could not start: no room"));
        }
        theatre.becomes(Status::Starting).await;
        theatre.strings().enter(InstanceState::Ready);
        theatre.becomes(Status::Ready).await;
        assert_eq!(theatre.in_rotation(), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_during_the_back_off_does_not_wait_for_it() {
        let mut theatre = Theatre::open(1);
        let begun = theatre.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await.time;
        theatre.wish.send_replace(Wish::Stop);
        let stopped = theatre.becomes(Status::Stopped).await.time;
        assert_eq!(stopped, begun);
        assert_eq!(theatre.supervised.await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_supervisor_whose_owner_is_gone_stops_its_instance() {
        let Theatre { wish, strings, supervised, mut events, .. } = Theatre::open(0);
        events.next().await.unwrap();
        let mut puppet = strings.lock().unwrap().pop_front().unwrap();
        drop(wish);
        puppet.stop_asked.wait_for(|asked| *asked).await.unwrap();
        puppet.end(End::Stopped { forced: true });
        assert_eq!(supervised.await.unwrap(), Some(End::Stopped { forced: true }));
    }
}
