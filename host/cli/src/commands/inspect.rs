//! `wasm-roles inspect`: what a WebAssembly file is.

use std::path::Path;

use anyhow::Result;
use wasm_roles_fabric::inspection::{ComponentDigest, Inspection, read_component};
use wasm_roles_fabric::{LoadError, Runtime};

use super::Ending;
use super::run::engine;
use crate::arguments::{Format, InspectArguments};
use crate::failure::{Failure, Reason};
use crate::output;
use crate::words::inspection::{Document, Inspected};

/// Looks at the file and prints what it is.
pub fn inspect(arguments: &InspectArguments) -> Result<Ending> {
    let people = arguments.format == Format::Human;
    let inspected = engine(&arguments.cache, people).and_then(|runtime| inspected(&runtime, &arguments.file));
    if people {
        let inspected = inspected?;
        output::print(inspected.for_people())?;
        return if inspected.runs() { Ok(Ending::Done) } else { Err(Failure::of(inspected.problems).into()) };
    }
    let document = Document::of(&arguments.file, inspected.as_ref());
    output::print_json(&document)?;
    Ok(if document.runs() { Ending::Done } else { Ending::Errors })
}

fn inspected(runtime: &Runtime, file: &Path) -> Result<Inspected, Failure> {
    let bytes = read_component(file).map_err(|error| Failure::of(vec![reason(&error)]))?;
    let inspection = Inspection::of(&bytes);
    let compiled = runtime.keeps(ComponentDigest::of(&bytes));
    let mut inspected = Inspected::new(file, bytes.len(), inspection, compiled);
    if inspected.runs() {
        // Names are not all: the engine compares the types of what it is asked for, and may refuse more.
        inspected.problems.extend(runtime.load_bytes(file, &bytes).err().map(|error| reason(&error)));
    }
    Ok(inspected)
}

fn reason(error: &LoadError) -> Reason {
    Reason::new(error, error.hint())
}
