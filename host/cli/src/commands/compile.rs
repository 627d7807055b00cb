//! `wasm-roles compile`: components that the next start need not compile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::inspection::{ComponentDigest, read_component};
use wasm_roles_fabric::{LoadError, Runtime, component_files};
use wasm_roles_service_plan::bytes_in_words;

use super::Ending;
use super::run::engine;
use crate::arguments::{CompileArguments, ReadingArguments};
use crate::failure::{Failure, Reason};
use crate::reading::Reading;
use crate::words::clean;
use crate::{output, service_files};

/// Compiles what is not kept yet and says what came of it.
pub fn compile(arguments: &CompileArguments) -> Result<Ending> {
    if arguments.cache.folder().is_none() {
        let why = "there is no folder for compiled components: the system names none for this user";
        return Err(Failure::with_hint(why, "name one with `--cache-dir DIR`").into());
    }
    let runtime = engine(&arguments.cache, true)?;
    let (mut problems, mut done) = (Vec::new(), Vec::new());
    for file in components(arguments)? {
        match compiled(&runtime, &file) {
            Ok((words, digest)) => {
                output::print(format!("{}: {words}\n", shown(&file)))?;
                done.push((file, digest));
            }
            Err(reason) => problems.push(reason),
        }
    }
    // At the end: what came later may have needed the room.
    for (file, digest) in done {
        if runtime.keeps(digest) != Some(true) {
            let file = shown(&file);
            problems.push(Reason::new(
                format!("the compiled form of {file} is not kept"),
                "where no warning says why, there was no room: raise `--cache-size`",
            ));
        }
    }
    if problems.is_empty() { Ok(Ending::Done) } else { Err(Failure::of(problems).into()) }
}

/// The components that are meant, each once.
fn components(arguments: &CompileArguments) -> Result<BTreeSet<PathBuf>> {
    if arguments.files.is_empty() {
        return of_service(&service_files::definition(None)?, &arguments.reading);
    }
    let mut files = BTreeSet::new();
    for file in &arguments.files {
        if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csdef")) {
            files.extend(of_service(file, &arguments.reading)?);
        } else {
            files.insert(file.clone());
        }
    }
    Ok(files)
}

fn of_service(definition: &Path, reading: &ReadingArguments) -> Result<BTreeSet<PathBuf>> {
    let reading = Reading::of_file(definition, reading)?;
    let plan = reading.plan()?;
    let approots = Approots::beside(&reading.into_files().folder);
    Ok(component_files(&plan, &approots).map_err(Failure::from)?)
}

/// What was done, and what the component is known by.
fn compiled(runtime: &Runtime, file: &Path) -> Result<(String, ComponentDigest), Reason> {
    let reason = |error: LoadError| Reason::new(&error, error.hint());
    let bytes = read_component(file).map_err(reason)?;
    let digest = ComponentDigest::of(&bytes);
    let there = runtime.keeps(digest) == Some(true);
    let begun = Instant::now();
    // Also what is there: it may be damaged, which is seen when it is loaded.
    runtime.load_bytes(file, &bytes).map_err(reason)?;
    let took = begun.elapsed().as_secs_f64();
    let size = bytes_in_words(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let words =
        if there { "compiled already".to_owned() } else { format!("compiled in {took:.1} s ({size})") };
    Ok((words, digest))
}

fn shown(path: &Path) -> String {
    clean(path.display().to_string().as_bytes(), false)
}
