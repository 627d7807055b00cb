//! A plain program that runs once to its end, in the same kind of sandbox as a role: a start-up task.
//!
//! Of the component only `wasi:cli/run` is called, whatever else it exports. It has a store of its own. What it asks of
//! the role environment is answered as to the role, and its `request-recycle` recycles the incarnation that it runs beside.

use std::fmt;
use std::sync::Arc;

use wasm_roles_virtual_network::Interface;
use wasmtime_wasi::I32Exit;

use crate::component::RoleComponent;
use crate::control::Control;
use crate::cpu::Share;
use crate::exports::Exports;
use crate::instance::{InstanceSpec, reason_of};
use crate::sandbox;
use crate::wires::Wires;

/// How a program ended. `Display` gives the end of a sentence, such as "ended with status 3".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramEnd {
    /// It ended by itself; by convention 0 is success. `run` that reports a failure is status 1.
    Exited {
        /// The exit status.
        status: i32,
    },
    /// It trapped.
    Trapped {
        /// What the engine says.
        reason: String,
    },
    /// The host could not give it what it needs.
    NotStarted {
        /// Why.
        reason: String,
    },
}

impl ProgramEnd {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited { status: 0 })
    }
}

impl fmt::Display for ProgramEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { status } => write!(f, "ended with status {status}"),
            Self::Trapped { reason } => write!(f, "trapped: {reason}"),
            Self::NotStarted { reason } => write!(f, "could not start: {reason}"),
        }
    }
}

/// Runs the program of `component` to its end, beside the incarnation with these `wires`. Dropping the future cuts the
/// program off.
///
/// `web` and `stop_budget` of the specification do not matter, and its CPU weight only with loose wires. The
/// interface stays attached.
pub async fn run_program(
    component: &RoleComponent,
    interface: Interface,
    spec: InstanceSpec,
    wires: &Wires,
) -> ProgramEnd {
    let share = wires.share(component, &spec);
    share.clone().of(run(component, interface, spec, wires.control(), share)).await
}

async fn run(
    component: &RoleComponent,
    interface: Interface,
    spec: InstanceSpec,
    control: Arc<Control>,
    share: Share,
) -> ProgramEnd {
    let inner = component.inner();
    let outgoing = inner.runtime.outgoing(&interface);
    let mut store = match sandbox::store(&inner.runtime, interface, outgoing, &spec, control, share).await {
        Ok(store) => store,
        Err(reason) => return ProgramEnd::NotStarted { reason },
    };
    let program = match inner.pre.instantiate_async(&mut store).await {
        Ok(instance) => Exports::load(&mut store, &instance, &inner.pre, &inner.exports),
        Err(error) => Err(error),
    };
    let program = match program.map(|exports| exports.program) {
        Ok(Some(program)) => program,
        Ok(None) => return ProgramEnd::NotStarted { reason: "it exports no wasi:cli/run".to_owned() },
        Err(error) => return ended_by(&mut store, &error),
    };
    let called =
        store.run_concurrent(async move |accessor| program.call_concurrent(accessor, ()).await).await;
    match called {
        Ok(Ok((result,))) => ProgramEnd::Exited { status: i32::from(result.is_err()) },
        Ok(Err(error)) | Err(error) => ended_by(&mut store, &error),
    }
}

fn ended_by(store: &mut wasmtime::Store<sandbox::Sandbox>, error: &wasmtime::Error) -> ProgramEnd {
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return ProgramEnd::Exited { status: *status };
    }
    let limits = store.data_mut().limits_reached(error);
    ProgramEnd::Trapped { reason: format!("{}{limits}", reason_of(error)) }
}
