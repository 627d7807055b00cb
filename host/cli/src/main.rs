//! The command line: arguments in, words and exit codes out.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | the service was stopped and has stopped; what was asked for is printed; `explain`: allowed |
//! | 1 | it could not be done, or `check` found errors; the message says why |
//! | 2 | the arguments are wrong |
//! | 3 | `explain`: denied |
//! | 130 | `run` was interrupted: before the service ran, or a second time while it stopped |
//!
//! What was asked for goes to standard output: what a service says, the problems that `check` finds, a plan. What this
//! program has to say beside that goes to standard error. With `run --log-format json` both are one stream of objects on
//! standard output.
//!
//! This is the only place that reads the system clock and the operating system's random numbers, TLS excepted: rustls, in
//! the fabric, does so itself.

mod arguments;
mod cache_folder;
mod capture;
mod commands;
mod data;
mod failure;
mod host_policy;
mod output;
mod printer;
mod reading;
mod service_files;
mod signals;
mod words;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::arguments::{Arguments, Command, RunArguments};
use crate::commands::Ending;

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Run(arguments) => run(*arguments),
        Command::Check(arguments) => commands::check::check(&arguments),
        Command::Plan(arguments) => commands::plan::plan(&arguments),
        Command::Explain(arguments) => commands::explain::explain(&arguments),
        Command::Graph(arguments) => commands::graph::graph(&arguments),
        Command::ExplainCode(arguments) => commands::explain_code::explain_code(&arguments),
    };
    ended.map_or_else(|error| failure::report(&error), ExitCode::from)
}

/// The one command that needs threads.
fn run(arguments: RunArguments) -> Result<Ending> {
    let runtime = runtime().context("no threads can be started")?;
    let ended = runtime.block_on(commands::run::run(arguments));
    // Whatever still computes (a component that is being compiled) is not waited for.
    runtime.shutdown_background();
    ended
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
