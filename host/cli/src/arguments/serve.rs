//! The arguments of `wasm-roles serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_control_server::otlp::Collector;
use wasm_roles_fabric::DEFAULT_STOP_BUDGET;

use super::CacheArguments;

pub const EXAMPLE: &str = "\
Examples:
  wasm-roles serve
  wasm-roles serve --data-dir /var/lib/wasm-roles
  wasm-roles serve --data-dir data --listen 10.0.0.7:9443 --tokens tokens.txt --tenants tenants.toml

  Ctrl-C stops all services gracefully; with --data-dir they run again when the host is started again, also after it was
  killed. A second Ctrl-C ends it at once.

A file of --tokens has a line for each token: its tenant, a space, and the SHA-256 digest of the token in hexadecimal.
Nobody but you may read it. A token has 32 to 512 visible characters; the line for one that is in the file token:

  echo \"acme $(tr -d '\\n' < token | sha256sum | cut -d ' ' -f 1)\"

A file of --tenants says what tenants may use; what it does not say is not limited, but for ways to the world outside, and
for ports of this machine that a service names: without them the operating system chooses.

  [tenants.acme]
  deployments = 4
  instances = 20
  memory = \"2GiB\"
  public-ports = 5
  disk = \"10GiB\"
  ports = \"8000-8099\"
  outbound = true

  [others]
  instances = 5";

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where services and their local storage live, and are found again by the next start. Without it they are removed at the end
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// The socket for the other commands [default: host.sock in the user's folder for such things]
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,

    /// Answer the other commands here too, to those who have a token. There is no TLS: put a proxy in front of it
    #[arg(long, value_name = "ADDR:PORT", requires = "tokens", requires = "tenants")]
    pub listen: Option<SocketAddr>,

    /// The file with the digests of tokens and their tenants
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub tokens: Option<PathBuf>,

    /// Answer GET /metrics here, for Prometheus: those of all tenants, to whoever reaches it
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,

    /// How the host says what it has to say. As objects it also says what happens in all deployments, and what their instances write
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = HostLogFormat::Plain)]
    pub log_format: HostLogFormat,

    /// Tell a collector of OpenTelemetry what instances write, what happens, and which operations there were: OTLP over HTTP, without
    /// TLS. Without it nobody is told
    #[arg(long, value_name = "URL", value_parser = Collector::parse)]
    pub otlp: Option<Collector>,

    /// The file with the tenants and what each of them may use. Without it every tenant may use everything
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,

    /// The address that public ports listen on when a deployment names no other
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,

    /// How long an instance may take to stop before it is cut off, when its deployment says nothing else
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_STOP_BUDGET.as_secs())]
    pub stop_timeout: u64,

    /// Start all random numbers, those of the roles too, from this number
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    #[command(flatten)]
    pub cache: CacheArguments,
}

/// How a host says what it has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostLogFormat {
    /// Words for people, on standard error
    Plain,
    /// One JSON object per line, everything on standard output
    Json,
}
