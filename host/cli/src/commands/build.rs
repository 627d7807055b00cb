//! `wasm-roles build`: the components of a service's roles.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Result;
use wasm_roles_workshop::{BuildOptions, BuildReport, Progress, Workshop};

use super::Ending;
use crate::arguments::{BuildArguments, Format};
use crate::failure::Failure;
use crate::words::building::{self, Board, Document, Happened};
use crate::words::terminal;
use crate::{output, service_files};

/// How often what a terminal shows of the time is brought up to date.
const REDRAW: Duration = Duration::from_millis(200);

/// Builds roles and says what came of it.
pub fn build(arguments: &BuildArguments) -> Result<Ending> {
    match arguments.format {
        Format::Human => for_people(arguments),
        Format::Json => for_programs(arguments),
    }
}

fn for_people(arguments: &BuildArguments) -> Result<Ending> {
    let workshop = open(arguments)?;
    let height = terminal::height();
    let roles = workshop.all_roles();
    let report = if height.is_some_and(|height| roles.len() < height) {
        on_screen(arguments, &workshop, Board::of(&roles))?
    } else {
        in_lines(arguments, &workshop)?
    };
    output::print(building::summary(&report))?;
    output::tell(building::failures(&report));
    Ok(ending(report.is_ok()))
}

/// Always prints one object: a program that asks has to learn too that a file cannot be read.
fn for_programs(arguments: &BuildArguments) -> Result<Ending> {
    let report = open(arguments).and_then(|workshop| built(arguments, &workshop, &|_| {}));
    let document = Document::of(report.as_ref());
    output::print_json(&document)?;
    Ok(ending(document.is_ok()))
}

const fn ending(ok: bool) -> Ending {
    if ok { Ending::Done } else { Ending::Errors }
}

fn open(arguments: &BuildArguments) -> Result<Workshop, Failure> {
    let definition = service_files::definition(arguments.definition.as_deref())?;
    Ok(Workshop::open(&definition)?)
}

fn built(
    arguments: &BuildArguments,
    workshop: &Workshop,
    told: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<BuildReport, Failure> {
    let options = BuildOptions { fresh: arguments.fresh, ..BuildOptions::default() };
    Ok(workshop.build(&arguments.roles, &options, told)?)
}

/// One line for each thing that happens.
fn in_lines(arguments: &BuildArguments, workshop: &Workshop) -> Result<BuildReport, Failure> {
    built(arguments, workshop, &|progress| {
        // Whoever does not read does not keep components from being built.
        let _ = output::print(building::line(&Happened::from(progress)));
    })
}

/// One line for each role, which changes.
fn on_screen(
    arguments: &BuildArguments,
    workshop: &Workshop,
    mut board: Board,
) -> Result<BuildReport, Failure> {
    let (teller, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let begin = Instant::now();
            loop {
                let happened = told.recv_timeout(REDRAW);
                match happened {
                    Ok(happened) => board.hears(happened, begin.elapsed()),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                let _ = output::print(board.redrawn(terminal::line_length(), begin.elapsed()));
            }
        });
        // Gone when this returns, so that the other thread ends.
        let teller = teller;
        built(arguments, workshop, &|progress| {
            let _ = teller.send(Happened::from(progress));
        })
    })
}
