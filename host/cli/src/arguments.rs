//! The arguments of the command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wasm_roles_fabric::DEFAULT_STOP_BUDGET;
use wasm_roles_service_plan::{Port, RoleName};

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
    #[command(after_help = EXAMPLE)]
    Run(RunArguments),
}

const EXAMPLE: &str = "\
Example:
  wasm-roles run myservice/ServiceDefinition.csdef --publish 80=127.0.0.1:8080

  The component of role WebRole1 is myservice/WebRole1/WebRole1.wasm.
  Ctrl-C stops the service gracefully; a second Ctrl-C ends it at once.";

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The service definition
    #[arg(value_name = "CSDEF")]
    pub definition: PathBuf,

    /// The service configuration; without it ServiceConfiguration.Local.cscfg or else ServiceConfiguration.cscfg beside
    /// the definition
    #[arg(long, value_name = "CSCFG")]
    pub config: Option<PathBuf>,

    /// Refuse what is accepted with a warning otherwise
    #[arg(long)]
    pub strict: bool,

    /// Let a public port listen elsewhere, for example 80=127.0.0.1:8080
    #[arg(long, value_name = "PUBLIC=ADDR:PORT", value_parser = parse_publish)]
    pub publish: Vec<(Port, SocketAddr)>,

    /// The address that the other public ports listen on
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,

    /// The folder with the component of a role; without it the folder of the role's name beside the definition, or else
    /// the definition's own
    #[arg(long, value_name = "ROLE=DIR", value_parser = parse_approot)]
    pub approot: Vec<(RoleName, PathBuf)>,

    /// How long an instance may take to stop before it is cut off
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_STOP_BUDGET.as_secs())]
    pub stop_timeout: u64,

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

/// How output and events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people, each with its instance in front
    Plain,
    /// One JSON object per line, everything on standard output
    Json,
}

fn parse_publish(text: &str) -> Result<(Port, SocketAddr), String> {
    let (public, place) =
        text.split_once('=').ok_or("it has the form PUBLIC=ADDR:PORT, as in 80=127.0.0.1:8080")?;
    let public = public.parse().ok().and_then(Port::new).ok_or_else(|| format!("`{public}` is no port"))?;
    let place =
        place.parse().map_err(|_| format!("`{place}` is no address with port, such as 127.0.0.1:8080"))?;
    Ok((public, place))
}

fn parse_approot(text: &str) -> Result<(RoleName, PathBuf), String> {
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
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn places_of_public_ports_are_read() {
        let (port, place) = parse_publish("80=127.0.0.1:8080").unwrap();
        assert_eq!((port.get(), place), (80, "127.0.0.1:8080".parse().unwrap()));
        assert!(parse_publish("443=[::1]:8443").is_ok());
        for wrong in ["80", "0=127.0.0.1:1", "x=127.0.0.1:1", "80=8080", "80=localhost:80", "80="] {
            assert!(parse_publish(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folders_of_roles_are_read() {
        let (role, folder) = parse_approot("Web=a=b").unwrap();
        assert_eq!((role.as_str(), folder), ("Web", PathBuf::from("a=b")));
        for wrong in ["Web", "=dir", "Web=", "../x=dir"] {
            assert!(parse_approot(wrong).is_err(), "{wrong}");
        }
    }
}
