//! The arguments of the command line.

mod cache;
mod certificates;
mod component;
mod control;
mod inspect;
mod limits;
mod observe;
mod operate;
mod outbound;
mod overlays;
mod package;
mod publication;
mod roles;
mod run;
mod serve;
mod service;
mod shells;
mod workshop;

use clap::{Parser, Subcommand};

pub use cache::CacheArguments;
pub use certificates::CertificateArguments;
pub use component::{CompileArguments, InspectArguments};
pub use control::{ControlArguments, OfDeployment, ThisDeployment, WaitArguments, WatchArguments};
pub use inspect::{
    CheckArguments, ExplainArguments, ExplainCodeArguments, Format, GraphArguments, GraphFormat,
    PlanArguments, Target,
};
pub use limits::LimitArguments;
pub use observe::{
    EventsArguments, HostArguments, LineArguments, LogsArguments, PsArguments, StatusArguments, TopArguments,
};
pub use operate::{
    BeginUpgrade, DeleteArguments, DeployArguments, RollbackArguments, ScaleArguments, SwapArguments,
    TargetArguments, UpdateArguments, UpgradeArguments, WalkArguments,
};
pub use outbound::{GrantArguments, OutboundArguments};
pub use package::PackageArguments;
pub use publication::PublicationArguments;
pub use roles::RoleArguments;
pub use run::{LogFormat, RunArguments};
pub use serve::{HostLogFormat, ServeArguments};
pub use service::{ReadingArguments, ServiceArguments};
pub use shells::{CompletionsArguments, ManArguments};
pub use workshop::{BuildArguments, NewArguments};

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
    /// Make a new service: a folder with a definition, sources in a language, and what they need.
    #[command(after_help = workshop::NEW_EXAMPLE)]
    New(NewArguments),

    /// Build the components of a service's roles, each with the tool of its language, and only those that have changed.
    #[command(after_help = workshop::BUILD_EXAMPLE)]
    Build(BuildArguments),

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

    /// Say what a WebAssembly file is: what kind of role, what it asks for, and whether it runs here.
    ///
    /// It needs no service. What could be a role is compiled, as for a start, since only that tells everything; nothing
    /// of it runs.
    #[command(after_help = component::INSPECT_EXAMPLE)]
    Inspect(InspectArguments),

    /// Compile components ahead of their first start, such as for an image.
    ///
    /// Every host compiles what it starts for the first time, and keeps that. This does the same and starts nothing.
    #[command(after_help = component::COMPILE_EXAMPLE)]
    Compile(CompileArguments),

    /// Hold services for the other commands until Ctrl-C.
    ///
    /// The commands from `deploy` to `top` ask it, over a socket that only this user can open.
    #[command(after_help = serve::EXAMPLE)]
    Serve(Box<ServeArguments>),

    /// Send a service to a host, and wait until all its instances are Ready.
    ///
    /// The files are checked first. Sent is what the definition refers to, and nothing else beside it.
    #[command(after_help = operate::DEPLOY_EXAMPLE)]
    Deploy(Box<DeployArguments>),

    /// List what runs on a host.
    #[command(after_help = observe::PS_EXAMPLE)]
    Ps(PsArguments),

    /// Show the host itself: since when it is up, what its tenants use and may use, what somebody should look at.
    #[command(after_help = observe::HOST_EXAMPLE)]
    Host(HostArguments),

    /// Show one deployment: its instances, its public ports, and the operation that changes it.
    #[command(after_help = observe::STATUS_EXAMPLE)]
    Status(StatusArguments),

    /// Print what the instances of a deployment have written.
    #[command(after_help = observe::LOGS_EXAMPLE)]
    Logs(LogsArguments),

    /// Give a deployment another configuration while it runs, one upgrade domain after the other.
    #[command(after_help = operate::UPDATE_EXAMPLE)]
    Update(UpdateArguments),

    /// Change how many instances roles have.
    #[command(after_help = operate::SCALE_EXAMPLE)]
    Scale(ScaleArguments),

    /// Give a deployment new components and a new definition, one upgrade domain after the other.
    ///
    /// An upgrade domain whose instances do not become Ready ends the upgrade, and what ran before runs again.
    #[command(after_help = operate::UPGRADE_EXAMPLE)]
    Upgrade(UpgradeArguments),

    /// Go back to what ran before the last update or upgrade, also while it is under way.
    #[command(after_help = operate::ROLLBACK_EXAMPLE)]
    Rollback(RollbackArguments),

    /// Let production and staging of a service exchange their public addresses.
    ///
    /// New connections go to the other one at once; those that are open stay where they are.
    #[command(after_help = operate::SWAP_EXAMPLE)]
    Swap(SwapArguments),

    /// Stop instances and start them again, one upgrade domain after the other.
    #[command(after_help = operate::RECYCLE_EXAMPLE)]
    Recycle(TargetArguments),

    /// Stop instances until they are started by `start`.
    #[command(after_help = operate::STOP_EXAMPLE)]
    Stop(TargetArguments),

    /// Start instances that were stopped by `stop`.
    #[command(after_help = operate::START_EXAMPLE)]
    Start(TargetArguments),

    /// Stop a deployment, and remove it with its local storage.
    #[command(after_help = operate::DELETE_EXAMPLE)]
    Delete(DeleteArguments),

    /// Print what has happened to a deployment.
    #[command(after_help = observe::EVENTS_EXAMPLE)]
    Events(EventsArguments),

    /// Show what instances use: processor time, memory, connections.
    #[command(after_help = observe::TOP_EXAMPLE)]
    Top(TopArguments),

    /// Explain a code of a diagnostic, such as E0012; without a code, list all of them.
    #[command(after_help = inspect::EXPLAIN_CODE_EXAMPLE)]
    ExplainCode(ExplainCodeArguments),

    /// Print a script that lets a shell complete this program's arguments.
    #[command(after_help = shells::COMPLETIONS_EXAMPLE)]
    Completions(CompletionsArguments),

    /// Print a manual page, or write those of all commands.
    #[command(after_help = shells::MAN_EXAMPLE)]
    Man(ManArguments),
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
