//! What shells and `man` know of this program, made from the same table of commands that it reads its arguments with.

use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;
use clap_mangen::Man;

use super::Ending;
use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::failure::Failure;
use crate::output;

const PROGRAM: &str = "wasm-roles";

/// Prints the script for a shell.
pub fn completions(arguments: &CompletionsArguments) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), PROGRAM, &mut script);
    output::print(script)?;
    Ok(Ending::Done)
}

/// Prints one manual page, or writes all of them to a folder.
pub fn man(arguments: &ManArguments) -> Result<Ending> {
    match &arguments.out {
        Some(folder) => write_all(folder)?,
        None => output::print(page(&arguments.command)?)?,
    }
    Ok(Ending::Done)
}

fn page(path: &[String]) -> Result<Vec<u8>> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut found = &command;
    for name in path {
        found = found.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = found.get_subcommands().map(clap::Command::get_name).collect();
            let hint = match known.as_slice() {
                [] => format!("`{}` has none", found.get_name()),
                known => format!("there are {}", known.join(", ")),
            };
            Failure::of_arguments(format!("there is no command `{name}`"), Some(hint))
        })?;
    }
    let mut page = Vec::new();
    Man::new(found.clone()).render(&mut page)?;
    Ok(page)
}

fn write_all(folder: &Path) -> Result<(), Failure> {
    let unwritable = |error| {
        Failure::with_hint(
            format!("manual pages cannot be written to {}: {error}", folder.display()),
            "name a folder that you may write to with `--out DIR`",
        )
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(unwritable)
}
