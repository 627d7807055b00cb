//! `wasm-roles plan`: what `run` would do.

use anyhow::Result;
use wasm_roles_service_plan::granted_document;

use super::Ending;
use crate::arguments::{Format, PlanArguments};
use crate::failure::Failure;
use crate::host_policy::granted;
use crate::output;
use crate::reading::Reading;
use crate::words::plan::tables;

/// Prints the plan of the service.
pub fn plan(arguments: &PlanArguments) -> Result<Ending> {
    let reading = Reading::telling_configuration(&arguments.service)?;
    let plan = arguments.limits.over(reading.plan()?)?;
    let problems = arguments.publication.problems(&plan);
    if !problems.is_empty() {
        return Err(Failure::from(problems.as_slice()).into());
    }
    let rules = granted(&arguments.grants, &plan)?;
    let publication = arguments.publication.publication();
    let place = |public: &_| publication.place_of(public);
    match arguments.format {
        Format::Human => {
            output::print(tables(&plan, &place, &rules, reading.configuration(), reading.overlays()))?;
        }
        Format::Json => output::print_json(&granted_document(&plan, &place, reading.overlays(), &rules))?,
    }
    Ok(Ending::Done)
}
