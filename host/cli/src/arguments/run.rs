//! The arguments of `wasm-roles run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_fabric::DEFAULT_STOP_BUDGET;

use super::{
    CacheArguments, CertificateArguments, LimitArguments, OutboundArguments, PublicationArguments,
    RoleArguments, ServiceArguments,
};

pub const EXAMPLE: &str = "\
Example:
  wasm-roles run myservice/ServiceDefinition.csdef --publish 80=127.0.0.1:8080

  The component of role WebRole1 is myservice/WebRole1/WebRole1.wasm.
  Ctrl-C stops the service gracefully; a second Ctrl-C ends it at once.";

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub service: ServiceArguments,

    #[command(flatten)]
    pub publication: PublicationArguments,

    #[command(flatten)]
    pub certificates: CertificateArguments,

    #[command(flatten)]
    pub outbound: OutboundArguments,

    #[command(flatten)]
    pub limits: LimitArguments,

    #[command(flatten)]
    pub roles: RoleArguments,

    /// How long an instance may take to stop before it is cut off
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_STOP_BUDGET.as_secs())]
    pub stop_timeout: u64,

    /// Where local storage lives, and is found again by the next run; each service has a folder of its own. Without it the
    /// storage is removed at the end
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Do not remove local storage at the end, and say where it is
    #[arg(long, conflicts_with = "data_dir")]
    pub keep_data: bool,

    /// Write the traffic of the service's network to a file for Wireshark
    #[arg(long, value_name = "FILE.pcapng")]
    pub capture: Option<PathBuf>,

    /// Build roles whose sources are saved and run them at once; apply the configuration and the definition when they are saved
    #[arg(long)]
    pub watch: bool,

    /// How output and events are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Plain)]
    pub log_format: LogFormat,

    /// Write the lines of the service as they are, without the instance in front and with every byte
    #[arg(long, conflicts_with = "log_format")]
    pub no_prefix: bool,

    /// Start all random numbers, those of the roles too, from this number: the same run twice
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    #[command(flatten)]
    pub cache: CacheArguments,
}

/// How output and events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people, each with its instance in front
    Plain,
    /// One JSON object per line, everything on standard output
    Json,
}
