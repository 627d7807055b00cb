//! Keeps one instance alive: does what its [`Lifecycle`] says.
//!
//! The supervisor knows an incarnation only as an [`Incarnation`], so that back-off, rotation and stopping are tested
//! without WebAssembly and on paused time.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use wasm_roles_role_runtime::{Clock, End, InstanceState, Outcome, OutputPipe, OutputTail, RoleEvent};

use crate::change::{Missed, Order, Reaction, Renewal, What};
use crate::conversation::{Conversation, Said, Tell};
use crate::lifecycle::{Action, Input, Lifecycle, Status, Wish};
use crate::members::Place;
use crate::narrator::Reporter;
use crate::status_board::{Recycled, Seat, StatusBoard};

/// One incarnation of an instance. Dropping it cuts it off.
pub(crate) trait Incarnation: Send + 'static {
    /// What the balancer needs to send it traffic.
    type Target: Send + Sync + 'static;
    type Teller: Tell;

    fn target(&self) -> Self::Target;
    fn teller(&self) -> Self::Teller;
    fn state(&self) -> watch::Receiver<InstanceState>;
    fn recycle(&self);
    fn stop(&self);
    /// Cuts it off. It has ended when nothing of it runs any more.
    fn kill(&self);
    /// What became of the event `stopping`.
    fn stopping_outcome(&self) -> Option<Outcome<()>>;
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

    /// Later incarnations have this configuration, and are of this version.
    fn renew(&mut self, renewal: Renewal);

    /// The generation of the version that the next incarnation is of.
    fn generation(&self) -> u32;
}

/// Whether an instance has stopped and may be wanted again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    #[default]
    No,
    /// With the end of the incarnation that was running when it was asked; none when there was none.
    Yes(Option<End>),
}

/// What a supervisor is driven by.
pub(crate) struct Reins {
    /// What the owner of the instance wants.
    pub(crate) wish: watch::Receiver<Wish>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) rest: watch::Sender<Rest>,
}

/// Where a supervisor writes what it does.
pub(crate) struct Ledger {
    pub(crate) reporter: Reporter,
    pub(crate) board: StatusBoard,
    pub(crate) seat: Seat,
    pub(crate) clock: Clock,
}

pub(crate) struct Supervisor<L: Launcher> {
    launcher: L,
    place: Place<<L::Incarnation as Incarnation>::Target>,
    reins: Reins,
    ledger: Ledger,
    running: Option<Running<L::Incarnation>>,
    launched: u32,
    last_end: Option<End>,
    /// What remembers the last words of the last incarnation.
    last_words: Option<OutputTail>,
    back_off_over: Instant,
    conversation: Conversation,
    /// Who wants to know when the next incarnation is Ready.
    owed: Vec<oneshot::Sender<Reaction>>,
    /// The incarnation knows already that it shall be gone.
    killed: bool,
}

struct Running<I> {
    incarnation: I,
    state: watch::Receiver<InstanceState>,
}

impl<L: Launcher> Supervisor<L> {
    pub(crate) fn new(
        launcher: L,
        place: Place<<L::Incarnation as Incarnation>::Target>,
        reins: Reins,
        ledger: Ledger,
    ) -> Self {
        Self {
            launcher,
            place,
            reins,
            ledger,
            running: None,
            launched: 0,
            last_end: None,
            last_words: None,
            back_off_over: Instant::now(),
            conversation: Conversation::new(),
            owed: Vec::new(),
            killed: false,
        }
    }

    /// Runs the instance until it was asked to stop for good and has stopped. Gives the end of the incarnation that was
    /// running when it was asked, if one was.
    pub(crate) async fn supervise(mut self) -> Option<End> {
        let mut life = Lifecycle::new();
        loop {
            let input = self.next_input(&life).await;
            let (next, actions) = life.step(input);
            if life.rests() && !next.rests() {
                // Before it is started: whoever asks it to rest meanwhile has to wait for that.
                self.reins.rest.send_replace(Rest::No);
            }
            for action in actions {
                self.act(action).await;
            }
            let (before, now) = (life.status(), next.status());
            if now != before {
                self.ledger.board.set(self.ledger.seat, now, self.ledger.clock.wall());
                self.ledger.reporter.status(now);
            }
            if (before, now) == (Status::Starting, Status::Ready) {
                self.settle(Reaction::Recycled);
            }
            let end = || self.last_end.clone().filter(|_| before == Status::Stopping);
            if next.is_over() {
                return end();
            }
            if next.rests() && !life.rests() {
                self.reins.rest.send_replace(Rest::Yes(end()));
            }
            if next.rests() {
                self.settle(Reaction::Stopped);
            }
            life = next;
        }
    }

    /// Tells those who wait for the next incarnation.
    fn settle(&mut self, reaction: Reaction) {
        for owed in self.owed.drain(..) {
            // Whoever gave the order may have stopped waiting.
            let _ = owed.send(reaction);
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
            Action::RecycleIncarnation => {
                if let Some(running) = &self.running {
                    running.incarnation.recycle();
                }
            }
            Action::Wait { attempt, delay } => {
                self.back_off_over = Instant::now() + delay;
                let because = self.last_end.as_ref().map(ToString::to_string).unwrap_or_default();
                let last_words = self.last_words.as_ref().map(OutputTail::lines).unwrap_or_default();
                let recycled = Recycled { times: attempt, because, last_words };
                self.ledger.board.recycled(self.ledger.seat, recycled.clone());
                self.ledger.reporter.recycling(delay, recycled);
            }
        }
    }

    async fn launch(&mut self) {
        let (stdout, stderr) = self.ledger.reporter.new_incarnation();
        let number = self.launched;
        self.launched = self.launched.saturating_add(1);
        self.last_words = Some(stderr.tail());
        self.ledger.board.launches(self.ledger.seat, self.launcher.generation());
        match self.launcher.launch(number, stdout, stderr).await {
            Ok(incarnation) => {
                let mut state = incarnation.state();
                state.mark_changed(); // it may have come far already
                self.place.begin(incarnation.target());
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
    async fn next_input(&mut self, life: &Lifecycle) -> Input {
        let status = life.status();
        loop {
            let Some(running) = &mut self.running else {
                return self.next_input_without_incarnation(life).await;
            };
            let (idle, runs) = (self.conversation.is_idle(), matches!(status, Status::Ready | Status::Busy));
            let check_due = self.conversation.next_check();
            let mut kill = self.reins.wish.clone();
            tokio::select! {
                biased;
                () = kill_wished(&mut kill), if status == Status::Stopping && !self.killed => {
                    running.incarnation.kill();
                    self.killed = true;
                }
                input = wished(&mut self.reins.wish, life) => return input,
                // Before the state: what the last incarnation said must not be taken for the next one's words.
                said = self.conversation.said() => {
                    if let Some(input) = self.hear(said, status) {
                        return input;
                    }
                }
                state = next_state(&mut running.state) => return self.entered(state).await,
                Some(order) = self.reins.orders.recv(), if idle => {
                    if let Some(input) = self.carry_out(order, status) {
                        return input;
                    }
                }
                () = sleep_until(check_due), if idle && runs => {
                    self.conversation.check(running.incarnation.teller());
                }
            }
        }
    }

    async fn next_input_without_incarnation(&mut self, life: &Lifecycle) -> Input {
        let status = life.status();
        if status == Status::Starting {
            return Input::Ended { at: self.ledger.clock.elapsed() }; // it could not be launched
        }
        loop {
            let idle = self.conversation.is_idle();
            tokio::select! {
                biased;
                input = wished(&mut self.reins.wish, life) => return input,
                said = self.conversation.said() => {
                    if let Some(input) = self.hear(said, status) {
                        return input;
                    }
                }
                Some(order) = self.reins.orders.recv(), if idle => {
                    if let Some(input) = self.carry_out(order, status) {
                        return input;
                    }
                }
                () = sleep_until(self.back_off_over), if status == Status::Recycling => {
                    return Input::BackOffOver;
                }
            }
        }
    }

    /// The incarnation has come this far.
    async fn entered(&mut self, state: InstanceState) -> Input {
        match state {
            InstanceState::Starting | InstanceState::Ready => {
                self.conversation.begin();
                Input::Ready { at: self.ledger.clock.elapsed() }
            }
            InstanceState::Stopping => Input::Leaving { at: self.ledger.clock.elapsed() },
            InstanceState::Ended => {
                if let Some(running) = self.running.take() {
                    self.place.end();
                    let stopping = running.incarnation.stopping_outcome();
                    if let Some(missed) = stopping.as_ref().and_then(Missed::of) {
                        self.ledger.reporter.missed(RoleEvent::Stopping, missed);
                    }
                    let end = running.incarnation.ended().await;
                    self.note_end(end);
                }
                Input::Ended { at: self.ledger.clock.elapsed() }
            }
        }
    }

    /// Whatever comes of it, later incarnations have the change.
    fn carry_out(&mut self, order: Order, status: Status) -> Option<Input> {
        if let What::Change(renewal)
        | What::Announced(renewal)
        | What::Recycle(renewal)
        | What::Replace(renewal)
        | What::Keep(renewal) = &order.what
        {
            if let Some(version) = &renewal.version {
                self.ledger.reporter.set_log_rate(version.instance.limits.log_bytes_per_second);
            }
            self.launcher.renew(renewal.clone());
        }
        let at = self.ledger.clock.elapsed();
        match (&order.what, &self.running, status) {
            (What::Keep(_), _, _) => {
                self.ledger.board.carries(self.ledger.seat, self.launcher.generation());
                // Whoever gave the order may have stopped waiting.
                let _ = order.reply.send(Reaction::Untouched);
            }
            // Nothing can be told to the incarnation; the next one is what is waited for.
            (What::Again, _, Status::Starting | Status::Ready | Status::Busy | Status::Recycling) => {
                self.owed.push(order.reply);
                return Some(Input::Renew { at });
            }
            (What::Replace(_), _, Status::Starting | Status::Ready | Status::Busy | Status::Recycling) => {
                self.owed.push(order.reply);
                return Some(Input::Replace { at });
            }
            (_, Some(running), Status::Starting | Status::Ready | Status::Busy) => {
                self.conversation.tell(running.incarnation.teller(), order);
            }
            _ => {
                // Whoever gave the order may have stopped waiting.
                let _ = order.reply.send(Reaction::NotRunning);
            }
        }
        None
    }

    fn hear(&mut self, said: Said, status: Status) -> Option<Input> {
        let runs = matches!(status, Status::Ready | Status::Busy);
        match said {
            Said::Checked(outcome) => {
                if let (Outcome::TimedOut, Status::Ready) = (outcome, status) {
                    self.ledger.reporter.missed(RoleEvent::StatusCheck, Missed::NotReturned);
                }
                return outcome.readiness().map(Input::Checked);
            }
            Said::Changed(missed, reply) => {
                // One that still starts hears nothing and sees the new values.
                if let Some((event, missed)) = missed.filter(|_| runs) {
                    self.ledger.reporter.missed(event, missed);
                }
                let reaction = if runs { Reaction::Changed { missed } } else { Reaction::NotRunning };
                let _ = reply.send(reaction);
            }
            Said::Refused(reply) => {
                self.owed.push(reply);
                if runs {
                    self.ledger.reporter.refused();
                    return Some(Input::Renew { at: self.ledger.clock.elapsed() });
                }
            }
            Said::Outdated(reply) => {
                self.owed.push(reply);
                // One that still starts has the old files, too.
                if runs || status == Status::Starting {
                    self.ledger.reporter.renewed();
                    return Some(Input::Renew { at: self.ledger.clock.elapsed() });
                }
            }
            Said::Failed(reply) => self.owed.push(reply),
        }
        None
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

/// What the owner wants next. An owner that is gone wants nothing to run.
async fn wished(wish: &mut watch::Receiver<Wish>, life: &Lifecycle) -> Input {
    let wished = wish.wait_for(|wish| life.input_of(*wish).is_some()).await.map_or(Wish::Stop, |wish| *wish);
    match life.input_of(wished) {
        Some(input) => input,
        None => std::future::pending().await, // it stops already
    }
}

/// Returns when the instance shall be gone at once. An owner that is gone has cut off the supervisor, too.
async fn kill_wished(wish: &mut watch::Receiver<Wish>) {
    if wish.wait_for(|wish| *wish == Wish::Kill).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod at_rest;
#[cfg(test)]
mod bed;
#[cfg(test)]
mod tests;
