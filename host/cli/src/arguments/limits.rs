//! What an instance may use, put over what its machine size gives it.

use clap::Args;
use wasm_roles_service_plan::{LimitError, LimitOverride, Plan};

use crate::failure::Failure;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct LimitArguments {
    /// Replace a limit of each instance, for example memory=512MiB or WorkerRole1.sockets=100; the names are memory, cpu
    /// (a weight), disk, sockets, host-sockets (to the world outside), resources, tables and log-rate (bytes per second of each output stream of each
    /// program: the role, a start-up task); may be given several times
    #[arg(long = "limit", value_name = "[ROLE.]NAME=VALUE", value_parser = limit)]
    overrides: Vec<Limit>,
}

/// A limit, and how it was typed.
#[derive(Clone, Debug)]
struct Limit {
    typed: String,
    read: LimitOverride,
}

fn limit(text: &str) -> Result<Limit, LimitError> {
    Ok(Limit { typed: text.to_owned(), read: text.parse()? })
}

impl LimitArguments {
    /// The plan with these limits.
    pub fn over(&self, plan: Plan) -> Result<Plan, Failure> {
        plan.with_limits(&self.overrides()).map_err(|error| Failure::new(error.to_string()))
    }

    /// The limits.
    pub fn overrides(&self) -> Vec<LimitOverride> {
        self.overrides.iter().map(|limit| limit.read.clone()).collect()
    }

    /// The limits as they were typed.
    pub fn as_typed(&self) -> impl Iterator<Item = &str> {
        self.overrides.iter().map(|limit| limit.typed.as_str())
    }
}
