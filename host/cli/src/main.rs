//! The command line: arguments in, words and exit codes out.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | the service was stopped and has stopped; the operation is done, or waits for somebody to walk it; what was asked for is printed; `explain`: allowed |
//! | 1 | it could not be done, was refused or taken back, no host answers, or `check` found errors, `build` could not build a role; the message says why |
//! | 2 | the arguments are wrong |
//! | 3 | `explain`: denied |
//! | 130 | `run` or `serve` was interrupted: before it ran, or a second time while it stopped; or somebody did not want to wait for an operation, which goes on |
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
mod compiling;
mod control;
mod data;
mod failure;
mod host_policy;
mod operated;
mod output;
mod packing;
mod printer;
mod reading;
mod service_files;
mod signals;
mod tenant_file;
mod watch;
mod words;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mimalloc::MiMalloc;

use crate::arguments::{Arguments, Command, ExplainArguments};
use crate::commands::explain::{self, Question};
use crate::commands::operate::{self, Order};
use crate::commands::{Ending, observe, shells};

/// A request of a web role allocates a hundred times, on threads that change. With this one it takes a seventh less
/// processor time than with that of the C library (BENCHMARKS.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::New(arguments) => commands::new::new(&arguments),
        Command::Build(arguments) => commands::build::build(&arguments),
        Command::Run(arguments) => serving(commands::run::run(*arguments)),
        Command::Check(arguments) => commands::check::check(&arguments),
        Command::Plan(arguments) => commands::plan::plan(&arguments),
        Command::Explain(arguments) => explain(arguments),
        Command::Graph(arguments) => commands::graph::graph(&arguments),
        Command::Inspect(arguments) => commands::inspect::inspect(&arguments),
        Command::Compile(arguments) => commands::compile::compile(&arguments),
        Command::Serve(arguments) => serving(commands::serve::serve(*arguments)),
        Command::Deploy(arguments) => asking(operate::deploy(*arguments)),
        Command::Ps(arguments) => asking(observe::ps(arguments)),
        Command::Host(arguments) => asking(observe::host(arguments)),
        Command::Status(arguments) => asking(observe::status(arguments)),
        Command::Logs(arguments) => asking(observe::logs(arguments)),
        Command::Update(arguments) => asking(operate::update(arguments)),
        Command::Scale(arguments) => asking(operate::scale(arguments)),
        Command::Upgrade(arguments) => asking(operate::upgrade(arguments)),
        Command::Rollback(arguments) => asking(operate::rollback(arguments)),
        Command::Swap(arguments) => asking(operate::swap(arguments)),
        Command::Recycle(arguments) => asking(operate::order(Order::Recycle, arguments)),
        Command::Stop(arguments) => asking(operate::order(Order::Stop, arguments)),
        Command::Start(arguments) => asking(operate::order(Order::Start, arguments)),
        Command::Delete(arguments) => asking(operate::delete(arguments)),
        Command::Events(arguments) => asking(observe::events(arguments)),
        Command::Top(arguments) => asking(observe::top(arguments)),
        Command::ExplainCode(arguments) => commands::explain_code::explain_code(&arguments),
        Command::Completions(arguments) => shells::completions(&arguments),
        Command::Man(arguments) => shells::man(&arguments),
    };
    ended.map_or_else(|error| failure::report(&error), ExitCode::from)
}

fn explain(arguments: ExplainArguments) -> Result<Ending> {
    match explain::question(arguments)? {
        Question::OfFiles(arguments, words) => explain::of_files(&arguments, &words),
        Question::OfHost(arguments) => asking(explain::of_host(arguments)),
    }
}

/// A command that asks a host: one thread is enough, and one more for files that are sent.
fn asking(command: impl Future<Output = Result<Ending>>) -> Result<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no sockets can be waited for")?;
    let ended = runtime.block_on(command);
    // A file that is still read is not waited for.
    runtime.shutdown_background();
    ended
}

/// A command that runs services, on all processors.
fn serving(command: impl Future<Output = Result<Ending>>) -> Result<Ending> {
    let runtime = runtime().context("no threads can be started")?;
    let ended = runtime.block_on(command);
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
