//! What the host grants beside the definition: the way out, and whether the policy is enforced.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_fabric::virtual_network::{OutboundRule, PolicyMode};

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Clone, Debug, Args)]
pub struct GrantArguments {
    /// Let all roles connect to a place outside: a host (`example.com:443`, `*.example.com`), an address or a range of addresses
    /// (`10.20.0.0/16:5432`), on one port or on all; can be given several times. `localhost` is this machine
    #[arg(long, value_name = "RULE")]
    pub allow_outbound: Vec<OutboundRule>,

    /// A file with the same, also for single roles, such as wasm-roles.toml; none is read unless it is named here
    #[arg(long, value_name = "FILE")]
    pub host_policy: Option<PathBuf>,
}

impl GrantArguments {
    /// Whether nothing is granted.
    pub const fn is_empty(&self) -> bool {
        self.allow_outbound.is_empty() && self.host_policy.is_none()
    }
}

// No doc comment either.
#[derive(Debug, Args)]
pub struct OutboundArguments {
    #[command(flatten)]
    pub grants: GrantArguments,

    /// What to do with traffic between roles that the definition does not allow
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Policy::Enforce)]
    pub policy: Policy,
}

/// What to do with traffic that the definition does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Deny it
    Enforce,
    /// Let it pass, tell of it, and print the rules that would allow it at the end
    Log,
}

impl From<Policy> for PolicyMode {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Enforce => Self::Enforce,
            Policy::Log => Self::Log,
        }
    }
}
