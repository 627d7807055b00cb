//! The arguments of the command line.

mod certificates;
mod inspect;
mod limits;
mod outbound;
mod overlays;
mod publication;
mod run;
mod service;

use clap::{Parser, Subcommand};

pub use certificates::CertificateArguments;
pub use inspect::{
    CheckArguments, ExplainArguments, ExplainCodeArguments, Format, GraphArguments, GraphFormat,
    PlanArguments,
};
pub use limits::LimitArguments;
pub use outbound::{GrantArguments, OutboundArguments};
pub use publication::PublicationArguments;
pub use run::{LogFormat, RunArguments};
pub use service::ServiceArguments;

/// Runs services of Azure Cloud Services' role model: every role instance is a sandboxed WebAssembly component with
/// an address of its own, and every connection between them was granted by the service definition.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a service until Ctrl-C.
    #[command(after_help = run::EXAMPLE)]
    Run(Box<RunArguments>),

    /// Say everything that is wrong with a definition and its configuration, and run nothing.
    ///
    /// Each problem comes with its code, its place and what would help; `wasm-roles explain-code` tells more about a
    /// code. All problems of both files are found in one go.
    #[command(after_help = inspect::CHECK_EXAMPLE)]
    Check(CheckArguments),

    /// Show what `run` would do: instances with their addresses and limits, public ports, who may talk to whom.
    ///
    /// No component is needed. The same files and options give the same plan, byte for byte.
    #[command(after_help = inspect::PLAN_EXAMPLE)]
    Plan(PlanArguments),

    /// Say whether one role may talk to another one, which rule decides it, and what would change that.
    ///
    /// A role talks to an endpoint of a role. Without an endpoint the answer is about each of the role's endpoints, and
    /// `allowed` when all of them are.
    #[command(after_help = inspect::EXPLAIN_EXAMPLE)]
    Explain(ExplainArguments),

    /// Draw who may talk to whom: the roles, the outside, and an arrow for what is allowed.
    #[command(after_help = inspect::GRAPH_EXAMPLE)]
    Graph(GraphArguments),

    /// Explain a code of a diagnostic, such as E0012; without a code, list all of them.
    #[command(after_help = inspect::EXPLAIN_CODE_EXAMPLE)]
    ExplainCode(ExplainCodeArguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        Arguments::command().debug_assert();
    }
}
