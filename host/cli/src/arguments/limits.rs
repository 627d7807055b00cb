//! What an instance may use, put over what its machine size gives it.

use clap::Args;
use wasm_roles_service_plan::{LimitOverride, Plan};

use crate::failure::Failure;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct LimitArguments {
    /// Replace a limit of each instance, for example memory=512MiB or WorkerRole1.sockets=100; the names are memory, cpu
    /// (a weight), disk, sockets, host-sockets (to the world outside), resources, tables and log-rate (bytes per second of each output stream of each
    /// program: the role, a start-up task); may be given several times
    #[arg(long = "limit", value_name = "[ROLE.]NAME=VALUE")]
    overrides: Vec<LimitOverride>,
}

impl LimitArguments {
    /// The plan with these limits.
    pub fn over(&self, plan: Plan) -> Result<Plan, Failure> {
        plan.with_limits(&self.overrides).map_err(|error| Failure::new(error.to_string()))
    }
}
