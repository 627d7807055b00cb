//! Which service, and how its two files are read: the arguments that most commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_service_model::{LimitsMode, Options};

use super::overlays::Overlays;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct ServiceArguments {
    /// The service definition
    #[arg(value_name = "CSDEF")]
    pub definition: PathBuf,

    /// The service configuration; without it ServiceConfiguration.Local.cscfg or else ServiceConfiguration.cscfg beside
    /// the definition
    #[arg(long, value_name = "CSCFG")]
    pub config: Option<PathBuf>,

    /// Refuse what is accepted with a warning otherwise
    #[arg(long)]
    strict: bool,

    /// What to do with a service that exceeds a limit of the platform, such as 25 roles
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Limits::Enforce)]
    limits: Limits,

    #[command(flatten)]
    pub overlays: Overlays,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Limits {
    /// Refuse it
    Enforce,
    /// Accept it with a warning
    Warn,
}

impl ServiceArguments {
    /// How the files are read.
    pub fn options(&self) -> Options {
        let limits = match self.limits {
            Limits::Enforce => LimitsMode::Enforce,
            Limits::Warn => LimitsMode::Warn,
        };
        Options { strict: self.strict, limits }
    }
}
