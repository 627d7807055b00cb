//! Which service, and how its two files are read: the arguments that most commands of files share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_control_interface::package::PlatformLimits;
use wasm_roles_service_model::{LimitsMode, Options};

use super::overlays::Overlays;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct ServiceArguments {
    /// The service definition [default: the one in the current folder]
    #[arg(value_name = "CSDEF")]
    pub definition: Option<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArguments,
}

// No doc comment either.
#[derive(Clone, Debug, Args)]
pub struct ReadingArguments {
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

impl ReadingArguments {
    /// Whether what is accepted with a warning otherwise is refused.
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// What a host does with a service that exceeds a limit of the platform.
    pub const fn platform_limits(&self) -> PlatformLimits {
        match self.limits {
            Limits::Enforce => PlatformLimits::Enforce,
            Limits::Warn => PlatformLimits::Warn,
        }
    }

    /// Whether anything of this was said, the defaults not counted.
    pub fn is_empty(&self) -> bool {
        self.config.is_none()
            && !self.strict
            && self.limits == Limits::Enforce
            && self.overlays.as_slice().is_empty()
    }

    /// How the files are read.
    pub fn options(&self) -> Options {
        let limits = match self.limits {
            Limits::Enforce => LimitsMode::Enforce,
            Limits::Warn => LimitsMode::Warn,
        };
        Options { strict: self.strict, limits }
    }
}
