//! The samples that documentation prints: what becomes of each, and the traffic that its scenarios promise.
//!
//! `tests/seeds` has them as they are printed. A piece that is no whole file stands in the smallest definition that
//! makes it one; a scenario, which is printed without its roles, is there alone and `-completed` by them; a skeleton is
//! there as printed, with one of its slips at a time, with all slips repaired (`-placeholders`) and `-filled`.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::{Admission, Options, ServiceModel, Severity, Source, load, render};

/// Every sample and the codes of its errors and warnings; no error means that there is a model.
const VERDICTS: &[(&str, &[&str])] = &[
    ("input-endpoint", &[]),
    // Not opened in this version.
    ("instance-input-endpoint", &[]),
    ("internal-endpoint", &[]),
    ("internal-endpoint-range", &[]),
    ("internal-endpoint-range-reversed", &["W0004"]),
    ("roles", &[]),
    // Rules about roles that are printed elsewhere.
    ("scenario-1", &["E0013", "E0017", "W0005"]),
    ("scenario-1-completed", &["W0005"]),
    ("scenario-2", &["E0013", "E0017"]),
    ("scenario-2-completed", &[]),
    ("scenario-3", &["E0013", "E0017", "W0005", "W0006"]),
    ("scenario-3-completed", &["W0005", "W0006"]),
    ("scenario-4", &["E0013", "E0017", "W0005", "W0006"]),
    ("scenario-4-completed", &["W0005", "W0006"]),
    ("web-role-endpoint", &[]),
    ("web-role-filled", &["W0001"]),
    ("web-role-skeleton", &["E0001"]),
    ("web-role-typographic-quotes", &["E0001"]),
    ("worker-role-filled", &["W0001"]),
    ("worker-role-missing-quote", &["E0001"]),
    ("worker-role-mixed-quotes", &["E0001"]),
    ("worker-role-quote-too-many", &["E0001"]),
    ("worker-role-skeleton", &["E0001"]),
];

/// Well-formed and wrong all over: what is a placeholder is no name, port or word of a list.
const PLACEHOLDERS: &[&str] = &["web-role-placeholders", "worker-role-placeholders"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds")
}

fn source(name: &str, extension: &str) -> Option<Source> {
    let name = format!("{name}.{extension}");
    fs::read_to_string(folder().join(&name)).ok().map(|text| Source { name, text })
}

fn text(name: &str) -> String {
    source(name, "csdef").unwrap().text
}

/// The codes of errors and warnings, and the model.
fn read(name: &str) -> (BTreeSet<String>, Option<ServiceModel>) {
    let (definition, configuration) = (source(name, "csdef").unwrap(), source(name, "cscfg"));
    let outcome = load(&definition, configuration.as_ref(), &Options::default());
    let worth_a_look = outcome.diagnostics.iter().filter(|found| found.severity > Severity::Note);
    let codes = worth_a_look.map(|found| found.code.to_string()).collect();
    if outcome.model.is_none() {
        let text = render(&outcome.diagnostics, &outcome.sources(&definition, configuration.as_ref()), false);
        assert!(text.contains("error["), "{name} has no model and no error:\n{text}");
    }
    (codes, outcome.model)
}

#[test]
fn every_sample_gets_the_right_verdict() {
    for (name, expected) in VERDICTS {
        let (codes, model) = read(name);
        assert_eq!(codes, expected.iter().map(ToString::to_string).collect(), "{name}");
        assert_eq!(model.is_none(), expected.iter().any(|code| code.starts_with('E')), "{name}");
    }
}

#[test]
fn placeholders_are_refused_where_they_stand() {
    for name in PLACEHOLDERS {
        let (codes, model) = read(name);
        assert!(model.is_none());
        for code in ["E0004", "E0005"] {
            assert!(codes.contains(code), "{name}: {codes:?}");
        }
    }
}

#[test]
fn every_file_beside_the_goldens_is_in_the_table() {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let definitions = names.filter(|path| path.extension().is_some_and(|extension| extension == "csdef"));
    let found: BTreeSet<String> =
        definitions.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let listed = VERDICTS.iter().map(|(name, _)| *name).chain(PLACEHOLDERS.iter().copied());
    assert_eq!(found, listed.map(str::to_owned).collect());
}

/// What stands between the root's tags.
fn inside(definition: &str) -> &str {
    let start = definition.find("<ServiceDefinition").unwrap();
    let start = start + definition[start..].find('>').unwrap() + 1;
    definition[start..definition.rfind("</ServiceDefinition>").unwrap()].trim_end()
}

#[test]
fn a_completed_scenario_is_the_printed_roles_and_the_printed_rules() {
    let roles = text("roles");
    for scenario in 1..=4 {
        let completed = text(&format!("scenario-{scenario}-completed"));
        let rules = text(&format!("scenario-{scenario}"));
        assert_eq!(
            inside(&completed),
            format!("{}{}", inside(&roles), inside(&rules)),
            "scenario {scenario}"
        );
    }
}

/// Who may reach which internal endpoint, as the documentation says in words; what no rule names stays open to all.
#[test]
fn the_scenarios_admit_whom_the_documentation_says() {
    const ALL: &[&str] = &["WebRole1", "WorkerRole1", "WorkerRole2"];
    let endpoints = ["InternalTCP1", "InternalTCP2", "InternalTCP3", "InternalTCP4"];
    let promised: [[&[&str]; 4]; 4] = [
        [ALL, &["WebRole1"], ALL, ALL],
        [ALL, &["WebRole1"], &["WebRole1"], ALL],
        [ALL, &["WebRole1"], &["WorkerRole1"], ALL],
        [ALL, &["WebRole1"], &["WorkerRole1"], &["WebRole1"]],
    ];
    for (scenario, promised) in (1..).zip(promised) {
        let model = read(&format!("scenario-{scenario}-completed")).1.unwrap();
        for (endpoint, sources) in endpoints.iter().zip(promised) {
            assert_eq!(admitted(&model, endpoint), sources, "scenario {scenario}, {endpoint}");
        }
    }
}

fn admitted(model: &ServiceModel, endpoint: &str) -> Vec<String> {
    let all = model.roles_with_ids().flat_map(|(id, role)| role.endpoints_with_ids(id));
    let (id, _) = all.into_iter().find(|(_, found)| found.name.as_str() == endpoint).unwrap();
    let name = |name: &str| name.to_owned();
    match model.admission(id) {
        Admission::Everyone => model.roles().iter().map(|role| name(role.name.as_str())).collect(),
        Admission::Only { roles, .. } => {
            roles.iter().map(|id| name(model.role(*id).unwrap().name.as_str())).collect()
        }
    }
}

/// White space does not count, nor where a sample stands in a file.
fn condensed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("> <", "><")
}

#[test]
fn no_sample_of_the_documents_is_forgotten() {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    let Ok(documents) = fs::read_dir(documents) else {
        println!("skipped: the documents are not beside the workspace");
        return;
    };
    let names = VERDICTS.iter().map(|(name, _)| text(name));
    let fixtures: Vec<String> = names.map(|text| condensed(&text)).collect();
    let mut samples = 0;
    for document in documents {
        let document = fs::read_to_string(document.unwrap().path()).unwrap();
        for root in ["ServiceDefinition", "ServiceConfiguration", "Endpoints"] {
            for (start, _) in document.match_indices(&format!("<{root}")) {
                let rest = &document[start..];
                let end = format!("</{root}>");
                let Some(length) = rest.find(&end) else { continue };
                let sample = condensed(&rest[..length + end.len()]);
                assert!(fixtures.iter().any(|fixture| fixture.contains(&sample)), "no fixture has {sample}");
                samples += 1;
            }
        }
    }
    assert!(samples >= 30, "only {samples} samples: the search misses some");
}
