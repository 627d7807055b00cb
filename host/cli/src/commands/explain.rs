//! `wasm-roles explain`: whether a role may talk to another one, and why.

use std::fmt::Display;
use std::path::Path;

use anyhow::Result;
use wasm_roles_control_interface::ExplainQuery;
use wasm_roles_service_plan::{ExplainError, INTERNET, Plan, explain_outbound};

use super::Ending;
use crate::arguments::{ExplainArguments, Format, Target};
use crate::control::{self, only_deployment};
use crate::failure::Failure;
use crate::host_policy::granted;
use crate::output;
use crate::reading::Reading;
use crate::words::clean;

/// What is asked about.
pub enum Question {
    /// What files say.
    OfFiles(ExplainArguments, [String; 2]),
    /// What runs on a host.
    OfHost(ExplainArguments),
}

/// Two words are about what runs, three about a definition.
pub fn question(arguments: ExplainArguments) -> Result<Question, Failure> {
    let usual = Some("for more information, try `wasm-roles explain --help`".to_owned());
    match arguments.words.as_slice() {
        [_, from, to] if arguments.of.deployment.is_some() => Err(Failure::of_arguments(
            format!(
                "either a definition or a deployment can be asked whether {from} may talk to {to}, not both"
            ),
            usual,
        )),
        [_, from, to] => {
            let words = [from.clone(), to.clone()];
            Ok(Question::OfFiles(arguments, words))
        }
        _ if !arguments.reading.is_empty() || !arguments.grants.is_empty() => Err(Failure::of_arguments(
            "there is no definition for the options about files",
            Some(
                "name it: `wasm-roles explain CSDEF FROM TO`; what runs on a host is as it was deployed"
                    .to_owned(),
            ),
        )),
        _ => Ok(Question::OfHost(arguments)),
    }
}

/// Asks a host, and prints the answer for every endpoint that was asked for.
pub async fn of_host(arguments: ExplainArguments) -> Result<Ending> {
    let [from, to] = arguments.words.as_slice() else { return Err(Failure::already_told().into()) };
    let Target { role, endpoint } = target(to)?;
    let client = control::client(&arguments.control)?;
    let deployment = only_deployment(&client, arguments.of.deployment.as_ref()).await?;
    let query = ExplainQuery { from: from.clone(), to: role, endpoint };
    let explanation = client.explain(&deployment, &query).await.map_err(Failure::from)?;
    match arguments.control.format {
        Format::Human => {
            let answers: Vec<&str> =
                explanation.answers.iter().map(|answer| answer.text.trim_end()).collect();
            output::print(told(&explanation.from, &explanation.to, &answers))?;
        }
        Format::Json => output::print_json(&explanation)?,
    }
    Ok(if explanation.allowed { Ending::Done } else { Ending::Denied })
}

/// Reads the files, and prints the answer for every endpoint that was asked for.
pub fn of_files(arguments: &ExplainArguments, [from, to]: &[String; 2]) -> Result<Ending> {
    let target = target(to)?;
    let (to, endpoint) = (target.role.as_str(), target.endpoint.as_deref());
    let definition = arguments.words.first().map_or(Path::new(""), Path::new);
    let plan = Reading::of_file_telling(definition, &arguments.reading)?.plan()?;
    let rules = granted(&arguments.grants, &plan)?;
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

fn target(text: &str) -> Result<Target, Failure> {
    text.parse()
        .map_err(|error| Failure::of_arguments(format!("`{text}` is no place to talk to: {error}"), None))
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
