//! Every file of `tests/ok` gives a model and every file of `tests/bad` the diagnostic that it is named after. Those of
//! `tests/seeds` are samples as documentation prints them; what becomes of them is listed in `tests/seeds.rs`.
//!
//! What people see is in the `.txt` beside each definition: the diagnostics of a usual reading, the model when there
//! is one, and what a strict reading makes of it. A `.overlays` has options of the command line, one on each line. `BLESS=1 cargo test` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod describe;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use describe::describe;
use wasm_roles_service_model::{
    AppliedOverlay, Code, Options, Outcome, Overlay, Severity, Source, load_with, render,
};

struct Fixture {
    path: PathBuf,
    definition: Source,
    configuration: Option<Source>,
    overlays: Vec<Overlay>,
}

impl Fixture {
    fn load(&self, strict: bool) -> Outcome {
        load_with(
            &self.definition,
            self.configuration.as_ref(),
            &self.overlays,
            &Options { strict, ..Options::default() },
        )
    }

    fn render(&self, outcome: &Outcome, color: bool) -> String {
        let sources = outcome.sources(&self.definition, self.configuration.as_ref());
        render(&outcome.diagnostics, &sources, color)
    }

    fn stem(&self) -> String {
        self.path.file_stem().unwrap().to_string_lossy().into_owned()
    }
}

fn source(path: &Path) -> Option<Source> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    fs::read(path).ok().map(|bytes| Source::decode(name, &bytes).unwrap())
}

/// The `.overlays` beside a definition: options of the command line, one on each line.
fn overlays(path: &Path) -> Vec<Overlay> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let overlay = |line: &str| match line.split_once(' ').unwrap() {
        ("--setting", argument) => Overlay::setting(argument).unwrap(),
        (option, argument) => {
            assert_eq!(option, "--set");
            Overlay::set(argument).unwrap()
        }
    };
    text.lines().map(overlay).collect()
}

fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csdef"));
    paths.sort();
    assert!(!paths.is_empty());
    let fixture = |path: PathBuf| Fixture {
        definition: source(&path).unwrap(),
        configuration: source(&path.with_extension("cscfg")),
        overlays: overlays(&path.with_extension("overlays")),
        path,
    };
    paths.into_iter().map(fixture).collect()
}

fn report(fixture: &Fixture) -> String {
    let usual = fixture.load(false);
    let mut text = fixture.render(&usual, false);
    if let Some(model) = &usual.model {
        text.push_str("\n---- model ----\n");
        text.push_str(&describe(model));
    }
    if !usual.overlays.is_empty() {
        text.push_str("\n---- overlays ----\n");
    }
    for AppliedOverlay { target, value, was, replaced, .. } in &usual.overlays {
        writeln!(text, "{target} = {value:?}").unwrap();
        if let (Some(was), Some(place)) = (was, replaced) {
            writeln!(text, "  was {was:?} at {place}").unwrap();
        }
    }
    text.push_str("\n---- a strict reading ----\n");
    let strict = fixture.load(true);
    assert_eq!(usual.diagnostics.len(), strict.diagnostics.len(), "strictness changes severities only");
    for (usual, strict) in usual.diagnostics.iter().zip(&strict.diagnostics) {
        if strict.severity != usual.severity {
            writeln!(text, "{}[{}]: {}", strict.severity, strict.code, strict.message).unwrap();
        }
    }
    text.push_str(if strict.model.is_some() { "accepts it\n" } else { "refuses it\n" });
    text
}

fn assert_golden(fixture: &Fixture) {
    let path = fixture.path.with_extension("txt");
    let actual = report(fixture);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{} says otherwise (BLESS=1 accepts it):\n{actual}\nexpected:\n{expected}",
        path.display()
    );
}

#[test]
fn good_files_give_a_model() {
    for fixture in fixtures("ok") {
        let outcome = fixture.load(false);
        assert!(outcome.model.is_some(), "{}:\n{}", fixture.stem(), fixture.render(&outcome, false));
        assert_golden(&fixture);
    }
}

#[test]
fn bad_files_give_the_diagnostic_they_are_named_after() {
    for fixture in fixtures("bad") {
        let outcome = fixture.load(false);
        let stem = fixture.stem();
        let named = |code: &str| outcome.diagnostics.iter().any(|found| found.code.as_str() == code);
        assert!(named(&stem[..5]), "{stem}:\n{}", fixture.render(&outcome, false));
        assert_golden(&fixture);
    }
}

#[test]
fn samples_of_the_documentation_get_their_verdict() {
    for fixture in fixtures("seeds") {
        assert_golden(&fixture);
    }
}

#[test]
fn every_code_has_a_bad_file() {
    let stems: Vec<String> = fixtures("bad").iter().map(Fixture::stem).collect();
    for code in Code::ALL {
        assert!(stems.iter().any(|stem| stem.starts_with(code.as_str())), "no file for {code}");
    }
}

#[test]
fn there_is_no_model_exactly_when_there_is_an_error() {
    for fixture in fixtures("ok").into_iter().chain(fixtures("bad")) {
        for strict in [false, true] {
            let outcome = fixture.load(strict);
            let failed = outcome.diagnostics.iter().any(|found| found.severity == Severity::Error);
            assert_eq!(outcome.model.is_none(), failed, "{} strict={strict}", fixture.stem());
        }
    }
}

#[test]
fn reading_is_deterministic() {
    for fixture in fixtures("ok").into_iter().chain(fixtures("bad")) {
        let (first, second) = (fixture.load(false), fixture.load(false));
        assert_eq!(first.model, second.model);
        assert_eq!(first.diagnostics, second.diagnostics);
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_move_nothing() {
    for fixture in fixtures("bad") {
        let plain = fixture.load(false);
        let windows = |source: &Source| Source {
            name: source.name.clone(),
            text: format!("\u{FEFF}{}", source.text.replace("\r\n", "\n").replace('\n', "\r\n")),
        };
        let rewritten = Fixture {
            path: fixture.path.clone(),
            definition: windows(&fixture.definition),
            configuration: fixture.configuration.as_ref().map(windows),
            overlays: fixture.overlays.clone(),
        };
        let outcome = rewritten.load(false);
        assert_eq!(rewritten.render(&outcome, false), fixture.render(&plain, false), "{}", fixture.stem());
    }
}

#[test]
fn color_adds_escapes_and_nothing_else() {
    let fixture = &fixtures("bad")[0];
    let outcome = fixture.load(false);
    let colored = fixture.render(&outcome, true);
    assert!(colored.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, fixture.render(&outcome, false));
}
