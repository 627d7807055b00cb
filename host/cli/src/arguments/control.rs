//! Which host is asked, and for whom: the arguments of all commands that operate services.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wasm_roles_control_interface::{DeploymentRef, TenantName};

use super::Format;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Clone, Debug, Args)]
pub struct ControlArguments {
    /// The host: its socket, or its address such as http://10.0.0.7:9443. Without it the one host of this user on this machine
    #[arg(long, value_name = "SOCKET|URL")]
    pub control: Option<String>,

    /// A file with the token for a host that is named by its address
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// The tenant whose services are meant. Only the owner of a host can choose it [default: default]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<TenantName>,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

// No doc comment either.
#[derive(Clone, Debug, Args)]
pub struct OfDeployment {
    /// The deployment: the name of its service, with /staging for the other slot, such as shop or shop/staging. Without it the
    /// only one that there is
    #[arg(short, long, value_name = "DEPLOYMENT")]
    pub deployment: Option<DeploymentRef>,
}

// No doc comment either.
#[derive(Clone, Debug, Args)]
pub struct ThisDeployment {
    /// The deployment: the name of its service, with /staging for the other slot, such as shop or shop/staging. Without it the
    /// only one that there is
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: Option<DeploymentRef>,
}

// No doc comment either.
#[derive(Clone, Debug, Args)]
pub struct WaitArguments {
    /// Do not wait until the operation is over, but say its id
    #[arg(long)]
    pub no_wait: bool,
}

// No doc comment either.
#[derive(Clone, Debug, Args)]
pub struct WatchArguments {
    /// Show it again and again until Ctrl-C; with --format json an object for each time
    #[arg(short, long)]
    pub watch: bool,

    /// How long to wait in between
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "2", requires = "watch")]
    pub interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    let seconds = seconds.ok_or("it is a number of seconds from 0.1 to 86400")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_seconds_that_somebody_can_see() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "-1", "inf", "NaN", "1e9", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
