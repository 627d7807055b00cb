//! One incarnation of one instance, seen from outside.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasm_roles_virtual_network::Interface;

use crate::component::{RoleComponent, one_line};
use crate::control::{Control, InstanceState, Wish};
use crate::end::{End, Phase};
use crate::environment::EnvironmentView;
use crate::exports::Exports;
use crate::http::WebServer;
use crate::life;
use crate::limits::Limits;
use crate::output::OutputPipe;
use crate::sandbox;
use crate::time_and_chance::{Clock, Seed};

/// How long a guest may take to notice that it should stop, before its sockets begin to fail. A guest that awaits
/// anything asynchronous notices at once; one that blocks in WASI 0.2 can only be told through its sockets.
const HEARING: Duration = Duration::from_millis(250);

/// How long a program without an entry point may take to end once its sockets fail. It has no `on-stop` to wait for.
const PROGRAM_BUDGET: Duration = Duration::from_secs(1);

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
    /// The ports of its own address on which a web role answers HTTP requests. Ignored without a handler.
    pub http_ports: Vec<NonZeroU16>,
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

/// A directory that a guest can open.
#[derive(Clone, Debug)]
pub struct Preopen {
    /// The guest's name for it, such as `/local/cache`.
    pub guest_path: String,
    /// The directory on the host. Nothing outside it can be reached through it.
    pub directory: PathBuf,
    /// Whether the guest may change anything below it.
    pub writable: bool,
}

/// A running incarnation. Dropping it cuts the instance off.
pub struct RunningInstance {
    control: Arc<Control>,
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
    let control = Arc::new(Control::new());
    let task = tokio::spawn(incarnation(component.clone(), interface, spec, Arc::clone(&control)));
    RunningInstance { control, task: AbortOnDrop(task) }
}

impl RunningInstance {
    /// Where it is in its life, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<InstanceState> {
        self.control.state()
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

async fn incarnation(
    component: RoleComponent,
    interface: Interface,
    spec: InstanceSpec,
    control: Arc<Control>,
) -> End {
    let _ended = EnterEnded(&control);
    let end = tokio::select! {
        biased;
        end = watch_over(&component, &interface, &spec, &control) => end,
        end = inside(&component, &interface, &spec, &control) => end,
    };
    interface.detach();
    end
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
) -> End {
    let inner = component.inner();
    let store = sandbox::store(&inner.runtime.engine, interface.clone(), spec, Arc::clone(control));
    let mut store = match store {
        Ok(store) => store,
        Err(reason) => return End::StartFailed { reason },
    };
    let exports = match inner.pre.instantiate_async(&mut store).await {
        Ok(instance) => Exports::load(&mut store, &instance, &inner.pre, &inner.exports),
        Err(error) => Err(error),
    };
    let exports = match exports {
        Ok(exports) => exports,
        Err(error) => return life::trapped(&store, Phase::Instantiation, &error),
    };
    let web = match &exports.handler {
        Some(_) => match WebServer::start(interface, &spec.http_ports) {
            Ok(web) => Some(web),
            Err(error) => return End::StartFailed { reason: error.to_string() },
        },
        None => None,
    };
    life::live(store, &exports, web, control).await
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
    let budget = if shape.entry_point || shape.events || shape.http.is_some() {
        spec.stop_budget
    } else {
        spec.stop_budget.min(PROGRAM_BUDGET)
    };
    let gently = async {
        if tokio::time::timeout(HEARING, control.heard()).await.is_err() {
            interface.fail();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = tokio::time::timeout(budget, gently) => {}
        _ = control.wished(Wish::Kill) => {}
    }
    match wish {
        Wish::Recycle => End::RecycleRequested { forced: true },
        Wish::Live | Wish::Stop | Wish::Kill => End::Stopped { forced: true },
    }
}

/// What the engine says about a trap, in one line.
pub(crate) fn reason_of(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => one_line(error),
    }
}
