//! The arguments of `wasm-roles run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_fabric::DEFAULT_STOP_BUDGET;
use wasm_roles_service_plan::RoleName;

use super::{
    CertificateArguments, LimitArguments, OutboundArguments, PublicationArguments, ServiceArguments,
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

    /// The folder with the component of a role; without it the folder of the role's name beside the definition, or else
    /// the definition's own
    #[arg(long, value_name = "ROLE=DIR", value_parser = parse_approot)]
    pub approot: Vec<(RoleName, PathBuf)>,

    /// Which instances of its component answer the requests of a wasi:http 0.2 handler
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = WebInstances::PerRequest)]
    pub web_instances: WebInstances,

    /// Say what the instances of web roles have answered, in lines of the instance [default: nothing]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub access_log: Option<AccessLogFormat>,

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

    /// How output and events are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Plain)]
    pub log_format: LogFormat,

    /// Write the lines of the service as they are, without the instance in front and with every byte
    #[arg(long, conflicts_with = "log_format")]
    pub no_prefix: bool,

    /// Start all random numbers, those of the roles too, from this number: the same run twice
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Where compiled components are kept; it must belong to you alone
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// How a request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLogFormat {
    /// The combined format of other servers, with the request's id and its seconds after it
    Combined,
    /// A JSON object
    Json,
}

impl From<AccessLogFormat> for wasm_roles_fabric::AccessLogFormat {
    fn from(format: AccessLogFormat) -> Self {
        match format {
            AccessLogFormat::Combined => Self::Combined,
            AccessLogFormat::Json => Self::Json,
        }
    }
}

/// Which instances of its component answer the requests of a 0.2 handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebInstances {
    /// A fresh one for each request, many at a time: nothing in memory is shared
    PerRequest,
    /// One for all requests, one at a time: its memory is kept from request to request
    Shared,
}

impl From<WebInstances> for wasm_roles_fabric::WebInstances {
    fn from(which: WebInstances) -> Self {
        match which {
            WebInstances::PerRequest => Self::PerRequest,
            WebInstances::Shared => Self::Shared,
        }
    }
}

/// How output and events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people, each with its instance in front
    Plain,
    /// One JSON object per line, everything on standard output
    Json,
}

pub(super) fn parse_approot(text: &str) -> Result<(RoleName, PathBuf), String> {
    let (role, folder) = text.split_once('=').ok_or("it has the form ROLE=DIR, as in WebRole1=target/web")?;
    let role = RoleName::new(role).map_err(|error| error.to_string())?;
    if folder.is_empty() {
        return Err("the folder is empty".to_owned());
    }
    Ok((role, PathBuf::from(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_roles_are_read() {
        let (role, folder) = parse_approot("Web=a=b").unwrap();
        assert_eq!((role.as_str(), folder), ("Web", PathBuf::from("a=b")));
        for wrong in ["Web", "=dir", "Web=", "../x=dir"] {
            assert!(parse_approot(wrong).is_err(), "{wrong}");
        }
    }
}
