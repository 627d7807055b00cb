//! `wasm-roles explain`: whether a role may talk to another one, and why.

use std::fmt::Display;

use anyhow::Result;
use wasm_roles_service_plan::{ExplainError, INTERNET, Plan, explain_outbound};

use super::Ending;
use crate::arguments::ExplainArguments;
use crate::failure::Failure;
use crate::host_policy::granted;
use crate::output;
use crate::reading::Reading;
use crate::words::clean;

/// Prints the answer for every endpoint that was asked for.
pub fn explain(arguments: &ExplainArguments) -> Result<Ending> {
    let plan = Reading::telling_configuration(&arguments.service)?.plan()?;
    let rules = granted(&arguments.grants, &plan)?;
    let (from, to) = (arguments.from.as_str(), arguments.to.role.as_str());
    let endpoint = arguments.to.endpoint.as_deref();
    let (text, allowed) = if leads_out(&plan, to) {
        let explained = explain_outbound(&plan, &rules, from, endpoint).map_err(unknown)?;
        (told(explained.from.as_str(), INTERNET, &explained.answers), explained.allowed())
    } else {
        let explained = wasm_roles_service_plan::explain(&plan, from, to, endpoint).map_err(unknown)?;
        (told(&explained.from, explained.to.as_str(), &explained.answers), explained.allowed())
    };
    output::print(text)?;
    Ok(if allowed { Ending::Done } else { Ending::Denied })
}

/// Whether the world outside is meant. A role of this name takes precedence.
fn leads_out(plan: &Plan, to: &str) -> bool {
    let is_role = plan.roles.iter().any(|role| role.name.as_str().eq_ignore_ascii_case(to));
    to.eq_ignore_ascii_case(INTERNET) && !is_role
}

fn told(from: &str, to: &str, answers: &[impl Display]) -> String {
    let mut text = format!("{from} -> {to}\n");
    for answer in answers {
        text.push_str(&format!("\n{answer}\n"));
    }
    // Names in it come from a file that somebody wrote.
    text.lines().map(|line| clean(line.as_bytes(), false) + "\n").collect()
}

/// A name in the arguments that means nothing.
fn unknown(error: ExplainError) -> Failure {
    Failure::of_arguments(clean(error.to_string().as_bytes(), false), None)
}
