//! `wasm-roles check`: everything that is wrong with a definition and its configuration.

use anyhow::Result;

use super::Ending;
use crate::arguments::{CheckArguments, Format};
use crate::failure::Failure;
use crate::output;
use crate::reading::Reading;
use crate::words;
use crate::words::problems::{Document, Verdict};

/// Checks the files and prints what is wrong.
pub fn check(arguments: &CheckArguments) -> Result<Ending> {
    match arguments.format {
        Format::Human => for_people(arguments),
        Format::Json => for_programs(arguments),
    }
}

fn for_people(arguments: &CheckArguments) -> Result<Ending> {
    let reading = Reading::telling_configuration(&arguments.service)?;
    let mut text = reading.rendered(words::colored_output());
    if !text.is_empty() {
        text.push('\n');
    }
    // What cannot be planned cannot run, so it is an error of the files too.
    let unplanned = reading.quiet_plan().err();
    if let Some(failure) = &unplanned {
        text.push_str(&format!("{failure}\n"));
    }
    let verdict = Verdict::of(reading.diagnostics(), unplanned.as_ref());
    text.push_str(&format!("{}: {verdict}\n", reading.definition()));
    output::print(text)?;
    Ok(ending(verdict.ok()))
}

/// Always prints one object: an editor that asks has to learn too that a file cannot be read.
fn for_programs(arguments: &CheckArguments) -> Result<Ending> {
    let read = Reading::telling_configuration(&arguments.service);
    let (reading, failure): (Option<&Reading>, Option<Failure>) = match &read {
        Ok(reading) => (Some(reading), reading.quiet_plan().err()),
        Err(_) => (None, None),
    };
    let failure = failure.as_ref().or(read.as_ref().err());
    let diagnostics = reading.map(Reading::diagnostics).unwrap_or_default();
    let document = Document::new(reading.and_then(Reading::configuration), diagnostics, failure);
    output::print_json(&document)?;
    Ok(ending(document.ok()))
}

const fn ending(ok: bool) -> Ending {
    if ok { Ending::Done } else { Ending::Errors }
}
