//! One incarnation of one instance, seen from outside.

use std::convert::Infallible;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wasm_roles_virtual_network::Interface;

use crate::component::{RoleComponent, one_line};
use crate::control::{Control, InstanceState, Wish};
use crate::cpu::{self, Account, ProcessorTime, Share};
use crate::end::{End, Phase};
use crate::environment::EnvironmentView;
use crate::events::{self, Listener, Outcome, Teller};
use crate::exports::{Exports, Handler};
use crate::http::{Nursery, Web, WebInstances, WebSpec};
use crate::life;
use crate::limits::Limits;
use crate::output::OutputPipe;
use crate::sandbox;
use crate::surroundings::{Surroundings, out_of_time};
use crate::time_and_chance::{Clock, Seed};
use crate::wires::Wires;

/// How long a guest may take to notice that it should stop. A guest that awaits anything asynchronous notices at once; one that
/// blocks in WASI 0.2 can only be told by its sockets, which begin to fail. Connections that have come to it shall not break for
/// that: as long as there is one, nobody is let in any more and all else is as it was.
const HEARING: Duration = Duration::from_millis(250);

/// How long a program without an entry point may take to end once its sockets fail. It has no `on-stop` to wait for.
const PROGRAM_BUDGET: Duration = Duration::from_secs(1);

/// What is left of the stop budget when the sockets of a guest fail that does not hear, whatever it serves: then `run` can
/// return, and `on-stop` be called. It is a quarter of a budget that is shorter than four of these.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Everything that one incarnation of an instance gets.
pub struct InstanceSpec {
    /// The id of the instance, such as `WebRole1_IN_0`.
    pub id: String,
    /// What it can see of its deployment.
    pub environment: Arc<EnvironmentView>,
    /// Its command line, its own name first.
    pub arguments: Vec<String>,
    /// Its environment variables. Nothing of the host's own environment is added.
    pub variables: Vec<(String, String)>,
    /// The directories that it can open.
    pub preopens: Vec<Preopen>,
    /// What it may use.
    pub limits: Limits,
    /// What a web role serves, and where. Ignored without a handler.
    pub web: WebSpec,
    /// How long it may take to stop before it is cut off.
    pub stop_budget: Duration,
    /// Where its standard output goes.
    pub stdout: OutputPipe,
    /// Where its standard error goes.
    pub stderr: OutputPipe,
    /// What time it is for it.
    pub clock: Clock,
    /// Where its random numbers come from.
    pub seed: Seed,
}

impl InstanceSpec {
    /// The same for an instance of the component that answers one request: with random numbers of its own.
    pub(crate) fn of_request(&self, number: NonZeroU64) -> Self {
        Self { seed: self.seed.derive(&format!("request {number}")), web: WebSpec::default(), ..self.again() }
    }

    /// The same once more.
    pub(crate) fn again(&self) -> Self {
        Self {
            id: self.id.clone(),
            environment: Arc::clone(&self.environment),
            arguments: self.arguments.clone(),
            variables: self.variables.clone(),
            preopens: self.preopens.clone(),
            limits: self.limits,
            web: self.web.clone(),
            stop_budget: self.stop_budget,
            stdout: self.stdout.clone(),
            stderr: self.stderr.clone(),
            clock: self.clock,
            seed: self.seed,
        }
    }
}

/// A directory that a guest can open.
#[derive(Clone, Debug)]
pub struct Preopen {
    /// The guest's name for it, such as `/local/cache`.
    pub guest_path: String,
    /// The directory on the host. Nothing outside it can be reached through it.
    pub directory: PathBuf,
    /// Whether the guest may change anything below it.
    pub writable: bool,
    /// How much it may hold, in bytes: the lengths of its files, each once. What is in it already counts. None is
    /// without a limit. The guest gets `quota` (`EDQUOT`) from what would exceed it. Programs with the same
    /// directory share the quota; directories with a quota must not contain each other.
    pub quota_bytes: Option<u64>,
}

/// A running incarnation. Dropping it cuts the instance off.
pub struct RunningInstance {
    control: Arc<Control>,
    teller: Teller,
    time: ProcessorTime,
    task: AbortOnDrop,
}

struct AbortOnDrop(JoinHandle<End>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts an incarnation on the current tokio runtime.
#[must_use]
pub fn start(component: &RoleComponent, interface: Interface, spec: InstanceSpec) -> RunningInstance {
    start_within((), component, interface, spec)
}

/// As [`start`], with something before and after the role's own life.
#[must_use]
pub fn start_within(
    surroundings: impl Surroundings,
    component: &RoleComponent,
    interface: Interface,
    spec: InstanceSpec,
) -> RunningInstance {
    let control = Arc::new(Control::new());
    let (teller, listener) = events::line(component.inner().exports.events.handlers(), Arc::clone(&control));
    let processors = component.inner().runtime.processors.clone();
    let account = processors.account(spec.limits.cpu_weight);
    let time = account.time();
    let driven = (Arc::clone(&control), listener, account);
    let incarnation = incarnation(surroundings, component.clone(), interface, spec, driven);
    RunningInstance { control, teller, time, task: AbortOnDrop(cpu::spawn(processors, incarnation)) }
}

impl RunningInstance {
    /// Where it is in its life, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<InstanceState> {
        self.control.state()
    }

    /// What tells it of events, and asks it.
    #[must_use]
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// The processor time that it has used; it can be asked after the end, too.
    #[must_use]
    pub fn processor_time(&self) -> ProcessorTime {
        self.time.clone()
    }

    /// What became of `stopping`; none as long as it was not called or has time to return.
    #[must_use]
    pub fn stopping_outcome(&self) -> Option<Outcome<()>> {
        self.control.stopping_outcome()
    }

    /// Asks it to make room for its next incarnation, as its own `request-recycle` would: like [`stop`](Self::stop),
    /// but it ends with [`End::RecycleRequested`].
    pub fn recycle(&self) {
        self.control.raise(Wish::Recycle);
    }

    /// Asks it to stop: it finishes the requests that it has, hears `stopping` and `on-stop`, and is cut off when
    /// the stop budget is over. Take it out of the rotation first. Calling it again changes nothing.
    pub fn stop(&self) {
        self.control.raise(Wish::Stop);
    }

    /// Cuts it off.
    pub fn kill(&self) {
        self.control.raise(Wish::Kill);
    }

    /// Waits for its end. Its sockets are closed and its memory is free when this returns.
    pub async fn ended(mut self) -> End {
        match (&mut self.task.0).await {
            Ok(end) => end,
            // The task ends early only if the runtime is shut down, or if the host itself is broken: say so
            // rather than take other instances with it.
            Err(error) => End::Trapped { during: Phase::Run, reason: format!("the host failed: {error}") },
        }
    }
}

/// Whoever holds it has a store of this incarnation.
type Alive = mpsc::Sender<Infallible>;

async fn incarnation(
    mut surroundings: impl Surroundings,
    component: RoleComponent,
    interface: Interface,
    spec: InstanceSpec,
    (control, listener, account): (Arc<Control>, Listener, Account),
) -> End {
    let _ended = EnterEnded(&control);
    let cut_off = End::Stopped { forced: true };
    let mut out_of_time = pin!(out_of_time(&control, spec.stop_budget));
    // Stores of single requests are on threads of their own when they are cut off.
    let (alive, mut all_gone) = mpsc::channel(1);
    let driven = (&control, listener, account, alive);
    let role = tokio::select! {
        biased;
        end = of_role(&mut surroundings, &component, &interface, &spec, driven) => Some(end),
        () = &mut out_of_time => None,
    };
    let end = match role {
        Some(end) => {
            control.enter(InstanceState::Stopping);
            tokio::select! {
                biased;
                () = surroundings.after() => end,
                () = out_of_time => cut_off,
            }
        }
        None => cut_off,
    };
    surroundings.cut_off().await;
    // Nothing is ever sent.
    let _: Option<Infallible> = all_gone.recv().await;
    interface.detach();
    end
}

/// The role's own life, when what has to come before it has succeeded.
async fn of_role(
    surroundings: &mut impl Surroundings,
    component: &RoleComponent,
    interface: &Interface,
    spec: &InstanceSpec,
    (control, listener, account, alive): (&Arc<Control>, Listener, Account, Alive),
) -> End {
    let wires = Wires::new(Arc::clone(control), account.clone());
    let recycle_is_overdue = async {
        control.wished(Wish::Recycle).await;
        tokio::time::sleep(spec.stop_budget).await;
    };
    let before = tokio::select! {
        biased;
        before = surroundings.before(&wires) => before,
        _ = control.wished(Wish::Stop) => return End::Stopped { forced: false },
        () = recycle_is_overdue => return End::RecycleRequested { forced: true },
    };
    if let Err(reason) = before {
        return End::StartFailed { reason };
    }
    if control.wish() == Wish::Recycle {
        return End::RecycleRequested { forced: false };
    }
    let share = account.share();
    let inside = inside(component, interface, spec, control, (listener, alive), (&account, share.clone()));
    tokio::select! {
        biased;
        end = watch_over(component, interface, spec, control) => end,
        end = share.of(inside) => end,
    }
}

/// However the task ends, whoever watches the instance learns of it.
struct EnterEnded<'a>(&'a Control);

impl Drop for EnterEnded<'_> {
    fn drop(&mut self) {
        self.0.enter(InstanceState::Ended);
    }
}

/// The life of the instance, in its own store.
async fn inside(
    component: &RoleComponent,
    interface: &Interface,
    spec: &InstanceSpec,
    control: &Arc<Control>,
    (listener, alive): (Listener, Alive),
    (account, share): (&Account, Share),
) -> End {
    let inner = component.inner();
    let outgoing = inner.runtime.outgoing(interface);
    let (own, shared) = (interface.clone(), Arc::clone(&outgoing));
    let store = sandbox::store(&inner.runtime, own, shared, spec, Arc::clone(control), share.clone());
    let mut store = match store.await {
        Ok(store) => store,
        Err(reason) => return End::StartFailed { reason },
    };
    let exports = match inner.pre.instantiate_async(&mut store).await {
        Ok(instance) => Exports::load(&mut store, &instance, &inner.pre, &inner.exports),
        Err(error) => Err(error),
    };
    let exports = match exports {
        Ok(exports) => exports,
        Err(error) => return life::trapped(&mut store, Phase::Instantiation, &error),
    };
    let alone = spec.web.instances == WebInstances::PerRequest;
    let nursery = (alone && matches!(exports.handler, Some(Handler::V0_2(_)))).then(|| Nursery {
        component: component.clone(),
        interface: interface.clone(),
        outgoing,
        spec: spec.again(),
        control: Arc::clone(control),
        account: account.clone(),
        _alive: alive,
    });
    let web = (exports.handler.is_some() || spec.web.sites.has_files())
        .then(|| Web::start(interface, spec, control, nursery))
        .transpose();
    let web = match web {
        Ok(web) => web,
        Err(error) => return End::StartFailed { reason: error.to_string() },
    };
    life::live(store, &exports, web, listener, control, &share).await
}

/// Waits for the moment when the instance has to be cut off.
///
/// This runs beside the store, not in it: while a guest blocks in WASI 0.2, nothing inside its store is polled,
/// not even a time-out.
async fn watch_over(
    component: &RoleComponent,
    interface: &Interface,
    spec: &InstanceSpec,
    control: &Control,
) -> End {
    let wish = tokio::select! {
        wish = control.wished(Wish::Recycle) => wish,
        () = control.heard() => control.wish(), // it began to stop by itself: run returned
    };
    let shape = component.shape();
    let is_role = shape.entry_point || shape.events || shape.http.is_some() || spec.web.sites.has_files();
    let budget = spec.stop_budget;
    let program_budget = if is_role { budget } else { budget.min(PROGRAM_BUDGET) };
    let gently = async {
        if tokio::time::timeout(HEARING, control.heard()).await.is_ok() {
            tokio::time::sleep(program_budget).await;
            return;
        }
        interface.refuse_new();
        let bound = budget.saturating_sub(LAST_WORDS.min(budget / 4)).saturating_sub(HEARING);
        tokio::select! {
            biased;
            () = control.heard() => {}
            _ = tokio::time::timeout(bound, interface.served()) => interface.fail(),
        }
        tokio::time::sleep(program_budget.saturating_sub(HEARING)).await;
    };
    tokio::select! {
        _ = tokio::time::timeout(budget, gently) => {}
        _ = control.wished(Wish::Kill) => {}
    }
    match (wish, control.run_result()) {
        (Wish::Recycle, _) => End::RecycleRequested { forced: true },
        // Nobody had wanted anything of it when it began to stop.
        (Wish::Live, Some(result)) => End::CutOffAfterRun { result },
        (Wish::Live, None) | (Wish::Stop | Wish::Kill, _) => End::Stopped { forced: true },
    }
}

/// What the engine says about a trap, in one line.
pub(crate) fn reason_of(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => one_line(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a function makes.
    fn size<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_drives_an_instance_is_small_until_it_needs_more() {
        type Whole = (RoleComponent, Interface, InstanceSpec, (Arc<Control>, Listener, Account));
        let whole = size(|(component, interface, spec, driven): Whole| {
            incarnation((), component, interface, spec, driven)
        });
        assert!(whole <= 12 * 1024, "{whole} bytes");
    }
}
