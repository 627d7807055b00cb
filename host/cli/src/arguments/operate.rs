//! The arguments of the commands that change what runs on a host.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use wasm_roles_control_interface::{DeploymentRef, ServiceName};

use super::{ControlArguments, OfDeployment, PackageArguments, ThisDeployment, WaitArguments};

pub const DEPLOY_EXAMPLE: &str = "\
Exit code: 0 it runs, 1 it does not, 2 wrong arguments, 130 interrupted: the operation goes on.

Examples:
  wasm-roles deploy myservice/ServiceDefinition.csdef --publish 80=127.0.0.1:8080
  wasm-roles deploy v2/ServiceDefinition.csdef -d shop/staging --publish 80=127.0.0.1:8081";

pub const UPDATE_EXAMPLE: &str = "\
Examples:
  wasm-roles update --config ServiceConfiguration.Cloud.cscfg
  wasm-roles update shop/staging --config new.cscfg --no-wait";

pub const SCALE_EXAMPLE: &str = "\
Examples:
  wasm-roles scale WorkerRole1=8
  wasm-roles scale -d shop Web=4 Orders=2
  wasm-roles scale -d shop --remove Web_IN_1";

pub const UPGRADE_EXAMPLE: &str = "\
Exit code: 0 done, 1 refused, failed or taken back, 2 wrong arguments, 130 interrupted: the operation goes on.

Examples:
  wasm-roles upgrade v2/ServiceDefinition.csdef
  wasm-roles upgrade -d shop v2/ServiceDefinition.csdef --health 60
  wasm-roles upgrade -d shop v2/ServiceDefinition.csdef --manual
  wasm-roles upgrade walk -d shop 0";

pub const ROLLBACK_EXAMPLE: &str = "\
Example:
  wasm-roles rollback shop";

pub const SWAP_EXAMPLE: &str = "\
Example:
  wasm-roles swap shop";

pub const RECYCLE_EXAMPLE: &str = "\
Examples:
  wasm-roles recycle Web_IN_0
  wasm-roles recycle -d shop Web Orders_IN_1
  wasm-roles recycle -d shop --all";

pub const STOP_EXAMPLE: &str = "\
Examples:
  wasm-roles stop Web_IN_0
  wasm-roles stop -d shop --all";

pub const START_EXAMPLE: &str = "\
Examples:
  wasm-roles start Web_IN_0
  wasm-roles start -d shop --all";

pub const DELETE_EXAMPLE: &str = "\
Example:
  wasm-roles delete shop/staging";

#[derive(Debug, Args)]
pub struct DeployArguments {
    #[command(flatten)]
    pub package: PackageArguments,

    /// Where to: a name for the service, with /staging for the other slot, such as shop or shop/staging
    /// [default: the name in the definition]
    #[arg(short, long, value_name = "DEPLOYMENT")]
    pub deployment: Option<DeploymentRef>,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    pub of: ThisDeployment,

    /// The new service configuration
    #[arg(long, value_name = "CSCFG")]
    pub config: PathBuf,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ScaleArguments {
    /// How many instances a role shall have; may be given several times
    #[arg(value_name = "ROLE=N", value_parser = count, required_unless_present = "remove")]
    pub counts: Vec<(String, u32)>,

    /// An instance that shall go; otherwise those with the highest numbers go. May be given several times
    #[arg(long, value_name = "INSTANCE")]
    pub remove: Vec<String>,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

/// An upgrade is begun, or walked one step further.
#[derive(Debug)]
pub enum UpgradeArguments {
    Begin(Box<BeginUpgrade>),
    Walk(WalkArguments),
}

const WALK: &str = "walk";

impl Args for UpgradeArguments {
    fn augment_args(command: Command) -> Command {
        let walk =
            Command::new(WALK).about("Walk an upgrade domain of an upgrade that was begun with --manual");
        BeginUpgrade::augment_args(command)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .disable_help_subcommand(true)
            .subcommand(WalkArguments::augment_args(walk))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for UpgradeArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand_matches(WALK) {
            Some(matches) => WalkArguments::from_arg_matches(matches).map(Self::Walk),
            None => BeginUpgrade::from_arg_matches(matches).map(|begin| Self::Begin(Box::new(begin))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, Args)]
pub struct BeginUpgrade {
    #[command(flatten)]
    pub package: PackageArguments,

    /// Walk no upgrade domain by itself: each waits for `wasm-roles upgrade walk N`
    #[arg(long)]
    pub manual: bool,

    /// How long the instances of an upgrade domain may take to be Ready before the upgrade is taken back [default: 1800]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub health: Option<u64>,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct WalkArguments {
    /// The upgrade domain, from 0
    #[arg(value_name = "N")]
    pub domain: u32,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct RollbackArguments {
    #[command(flatten)]
    pub of: ThisDeployment,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct SwapArguments {
    /// The service. Without it the only one that there is
    #[arg(value_name = "SERVICE")]
    pub service: Option<ServiceName>,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

/// The arguments of `recycle`, `stop` and `start`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct TargetArguments {
    /// Roles and instances, such as Web or Web_IN_0
    #[arg(value_name = "ROLE|INSTANCE", required_unless_present = "all")]
    pub targets: Vec<String>,

    /// All instances of the deployment
    #[arg(long, conflicts_with = "targets")]
    pub all: bool,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct DeleteArguments {
    /// The deployment, such as shop or shop/staging; it has to be named
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: DeploymentRef,

    #[command(flatten)]
    pub wait: WaitArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

fn count(text: &str) -> Result<(String, u32), String> {
    let (role, count) = text.split_once('=').ok_or("it has the form ROLE=N, as in Web=4")?;
    let count = count.parse().map_err(|_| format!("`{count}` is no number of instances"))?;
    if role.is_empty() {
        return Err("the name of the role is empty".to_owned());
    }
    Ok((role.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_instances_are_read() {
        assert_eq!(count("Web=4"), Ok(("Web".to_owned(), 4)));
        for wrong in ["Web", "=4", "Web=", "Web=-1", "Web=many"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }
}
