//! `wasm-roles explain`: whether a role may talk to another one, and why.

use anyhow::Result;
use wasm_roles_service_plan::{ExplainError, Explained};

use super::Ending;
use crate::arguments::ExplainArguments;
use crate::failure::Failure;
use crate::output;
use crate::reading::Reading;
use crate::words::clean;

/// Prints the answer for every endpoint that was asked for.
pub fn explain(arguments: &ExplainArguments) -> Result<Ending> {
    let plan = Reading::telling_configuration(&arguments.service)?.plan()?;
    let endpoint = arguments.to.endpoint.as_deref();
    let explained = wasm_roles_service_plan::explain(&plan, &arguments.from, &arguments.to.role, endpoint)
        .map_err(unknown)?;
    output::print(told(&explained))?;
    Ok(if explained.allowed() { Ending::Done } else { Ending::Denied })
}

fn told(explained: &Explained) -> String {
    let mut text = format!("{} -> {}\n", explained.from, explained.to);
    for answer in &explained.answers {
        text.push_str(&format!("\n{answer}\n"));
    }
    // Names in it come from a file that somebody wrote.
    text.lines().map(|line| clean(line.as_bytes(), false) + "\n").collect()
}

/// A name in the arguments that means nothing.
fn unknown(error: ExplainError) -> Failure {
    Failure::of_arguments(clean(error.to_string().as_bytes(), false), None)
}
