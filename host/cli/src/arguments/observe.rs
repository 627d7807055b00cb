//! The arguments of the commands that look at what runs on a host.

use clap::Args;

use super::{ControlArguments, OfDeployment, ThisDeployment, WatchArguments};

pub const PS_EXAMPLE: &str = "\
Examples:
  wasm-roles ps
  wasm-roles ps --watch";

pub const HOST_EXAMPLE: &str = "\
Examples:
  wasm-roles host
  wasm-roles host --format json";

pub const STATUS_EXAMPLE: &str = "\
Examples:
  wasm-roles status
  wasm-roles status shop/staging --format json";

pub const LOGS_EXAMPLE: &str = "\
Examples:
  wasm-roles logs
  wasm-roles logs -d shop -f Web_IN_0
  wasm-roles logs -d shop --last 100 Orders";

pub const EVENTS_EXAMPLE: &str = "\
Examples:
  wasm-roles events shop
  wasm-roles events shop -f --format json";

pub const TOP_EXAMPLE: &str = "\
Examples:
  wasm-roles top
  wasm-roles top shop --watch";

#[derive(Debug, Args)]
pub struct HostArguments {
    #[command(flatten)]
    pub watch: WatchArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct PsArguments {
    #[command(flatten)]
    pub watch: WatchArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub of: ThisDeployment,

    #[command(flatten)]
    pub watch: WatchArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct LogsArguments {
    /// Only lines of this role or instance, such as Web or Web_IN_0
    #[arg(value_name = "ROLE|INSTANCE")]
    pub target: Option<String>,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub lines: LineArguments,

    /// Write the lines as they are, without the instance in front
    #[arg(long, conflicts_with = "format")]
    pub no_prefix: bool,

    #[command(flatten)]
    pub control: ControlArguments,
}

#[derive(Debug, Args)]
pub struct EventsArguments {
    #[command(flatten)]
    pub of: ThisDeployment,

    #[command(flatten)]
    pub lines: LineArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct LineArguments {
    /// Go on with new lines until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,

    /// Begin with the last N of those that are kept [default: all of them]
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<u64>,

    /// Begin after the line of this number; numbers are in --format json
    #[arg(long, value_name = "N", conflicts_with = "last")]
    pub after: Option<u64>,
}

#[derive(Debug, Args)]
pub struct TopArguments {
    #[command(flatten)]
    pub of: ThisDeployment,

    #[command(flatten)]
    pub watch: WatchArguments,

    #[command(flatten)]
    pub control: ControlArguments,
}
