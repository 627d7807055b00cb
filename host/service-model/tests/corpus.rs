//! Real definitions and configurations from public projects, when a collection of them lies beside the workspace.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::{Options, Severity, Source, load, render};

fn collection() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    folder.is_dir().then_some(folder)
}

fn sources(folder: &Path, extension: &str) -> Vec<Source> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Source::decode(name, &fs::read(path).unwrap()).unwrap()
    };
    paths.iter().map(read).collect()
}

/// Every definition alone, and with each configuration of its own folder as the collection's index has it.
fn readings(folder: &Path) -> Vec<(Source, Option<Source>)> {
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let origin_of = |source: &Source| {
        let mut fields = index
            .lines()
            .map(|line| line.split('\t'))
            .find_map(|mut fields| (fields.next() == Some(&source.name)).then_some(fields))?;
        let (repository, path) = (fields.next()?, fields.next()?);
        Some((repository.to_owned(), Path::new(path).parent()?.to_owned()))
    };
    let configurations = sources(folder, "cscfg");
    let mut readings = Vec::new();
    for definition in sources(folder, "csdef") {
        let beside = configurations.iter().filter(|other| origin_of(other) == origin_of(&definition));
        readings.extend(beside.map(|configuration| (definition.clone(), Some(configuration.clone()))));
        readings.push((definition, None));
    }
    readings
}

/// Files that are wrong, and the codes of what is wrong with them.
const WRONG: &[(&str, &[&str])] = &[
    // Test data with the port 555555.
    ("MSOpenTech__WindowsAzureToolkitForEclipseWithJava__ServiceDefinition.csdef", &["E0004"]),
    // A placeholder `<YourEnvironmentID>` in a value.
    ("dtPaTh__Dynatrace-Azure-CloudServices__ServiceConfiguration.Cloud.cscfg", &["E0001"]),
    // Fragments of the documentation: rules about roles that they do not define.
    ("MicrosoftDocs__azure-docs__ntr-scenario1.csdef", &["E0013", "E0017"]),
    ("MicrosoftDocs__azure-docs__ntr-scenario2.csdef", &["E0013", "E0017"]),
    ("MicrosoftDocs__azure-docs__ntr-scenario3.csdef", &["E0013", "E0017"]),
    ("MicrosoftDocs__azure-docs__ntr-scenario4.csdef", &["E0013", "E0017"]),
];

#[test]
fn real_files_are_read_and_only_the_wrong_ones_are_refused() {
    let Some(folder) = collection() else {
        println!("skipped: there is no collection of real files beside the workspace");
        return;
    };
    for (definition, configuration) in readings(&folder) {
        let outcome = load(&definition, configuration.as_ref(), &Options::default());
        let sources: Vec<&Source> = [&definition].into_iter().chain(&configuration).collect();
        let errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let found: BTreeSet<&str> = errors.map(|error| error.code.as_str()).collect();
        let wrong = WRONG.iter().filter(|(name, _)| sources.iter().any(|source| source.name == *name));
        let expected: BTreeSet<&str> = wrong.flat_map(|(_, codes)| codes.iter().copied()).collect();
        assert_eq!(found, expected, "{}", render(&outcome.diagnostics, &sources, false));
        assert_eq!(outcome.model.is_none(), !expected.is_empty(), "{}", definition.name);
    }
}

#[test]
fn a_strict_reading_of_real_files_ends_too() {
    let Some(folder) = collection() else {
        println!("skipped: there is no collection of real files beside the workspace");
        return;
    };
    for (definition, configuration) in readings(&folder) {
        let outcome = load(&definition, configuration.as_ref(), &Options { strict: true });
        let failed = outcome.diagnostics.iter().any(|found| found.severity == Severity::Error);
        assert_eq!(outcome.model.is_none(), failed, "{}", definition.name);
    }
}
