//! `wasm-roles graph`: who may talk to whom, as a drawing.

use anyhow::Result;

use super::Ending;
use crate::arguments::{GraphArguments, GraphFormat};
use crate::output;
use crate::reading::Reading;

/// Prints the drawing.
pub fn graph(arguments: &GraphArguments) -> Result<Ending> {
    let plan = Reading::telling_configuration(&arguments.service)?.plan()?;
    let graph = wasm_roles_service_plan::graph(&plan);
    output::print(match arguments.format {
        GraphFormat::Dot => graph.to_dot(),
        GraphFormat::Mermaid => graph.to_mermaid(),
        GraphFormat::Svg => graph.to_svg(),
    })?;
    Ok(Ending::Done)
}
