//! The arguments of the commands that describe this program to others.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub const COMPLETIONS_EXAMPLE: &str = "\
Examples:
  wasm-roles completions bash > ~/.local/share/bash-completion/completions/wasm-roles
  wasm-roles completions fish > ~/.config/fish/completions/wasm-roles.fish";

pub const MAN_EXAMPLE: &str = "\
Examples:
  wasm-roles man deploy | man -l -
  wasm-roles man --out ~/.local/share/man/man1";

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// The command whose page is printed, such as deploy or upgrade walk. Without it that of the program
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,

    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub out: Option<PathBuf>,
}
