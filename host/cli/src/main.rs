//! The command line: arguments in, words and exit codes out.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | the service was stopped and has stopped |
//! | 1 | it could not be started; the message says why |
//! | 2 | the arguments are wrong |
//! | 130 | it was interrupted: before it ran, or a second time while it stopped |
//!
//! What a service says goes to standard output; what this program says about the service goes to standard error. With
//! `--log-format json` both are one stream of objects on standard output.
//!
//! This is the only place that reads the system clock and the operating system's random numbers.

mod arguments;
mod cache_folder;
mod commands;
mod failure;
mod printer;
mod service_files;
mod signals;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::commands::Ending;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failure::report(&anyhow::Error::new(error).context("no threads can be started"));
        }
    };
    let ended = match arguments.command {
        Command::Run(arguments) => runtime.block_on(commands::run::run(arguments)),
    };
    // Whatever still computes (a component that is being compiled) is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(Ending::Stopped) => ExitCode::SUCCESS,
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) => failure::report(&error),
    }
}

/// After how many pieces of work a thread looks for what has happened outside: timers, sockets, work of other threads.
///
/// tokio's own 61 suits tasks that work for microseconds. A guest that computes works for a tick of the engine, a
/// millisecond and more, so that 61 pieces of work would keep everybody else waiting for a tenth of a second and more.
const LOOK_OUTSIDE_EVERY: u32 = 2;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .event_interval(LOOK_OUTSIDE_EVERY)
        .global_queue_interval(LOOK_OUTSIDE_EVERY)
        .enable_all()
        .build()
}
