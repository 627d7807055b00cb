//! What every reading of every text promises, and what writing a model promises. Shared by the tests that make up
//! texts; the fuzz targets check the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use wasm_roles_service_model::{
    Options, Outcome, ServiceModel, Severity, Source, Span, load, render, write_configuration,
    write_definition,
};

pub fn source(name: &str, text: impl Into<String>) -> Source {
    Source { name: name.to_owned(), text: text.into() }
}

/// Reads two files and checks the answer: a model exactly when there is no error, every place within its file,
/// and something to print exactly when there is something to say.
pub fn read(definition: &Source, configuration: Option<&Source>, options: &Options) -> Outcome {
    let outcome = load(definition, configuration, options);
    let failed = outcome.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(outcome.model.is_none(), failed, "a model exactly when there is no error");
    let sources = outcome.sources(definition, configuration);
    for span in outcome.diagnostics.iter().filter_map(|found| found.span.as_ref()) {
        assert_inside(span, &sources);
    }
    for span in outcome.model.iter().flat_map(spans) {
        assert_inside(span, &sources);
    }
    let text = render(&outcome.diagnostics, &sources, false);
    assert_eq!(text.is_empty(), outcome.diagnostics.is_empty());
    outcome
}

fn spans(model: &ServiceModel) -> impl Iterator<Item = &Span> {
    let of_roles = model.roles().iter().flat_map(|role| {
        let tasks = role.startup_tasks.iter().map(|task| &task.span);
        let endpoints = role.endpoints.iter().map(|endpoint| &endpoint.span);
        [&role.span].into_iter().chain(tasks).chain(endpoints)
    });
    let of_probes = model.probes().iter().map(|probe| &probe.span);
    of_roles.chain(of_probes).chain(model.rules().iter().map(|rule| &rule.span))
}

fn assert_inside(span: &Span, sources: &[&Source]) {
    let source = sources.iter().find(|source| *source.name == *span.source);
    let text = &source.unwrap_or_else(|| panic!("{span} is in no source")).text;
    let body = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let line = usize::try_from(span.line).unwrap().checked_sub(1).and_then(|line| body.split('\n').nth(line));
    let line = line.unwrap_or_else(|| panic!("{span} is on no line"));
    let end = span.column.checked_sub(1).unwrap().checked_add(span.len).unwrap();
    let characters = line.chars().count();
    assert!(usize::try_from(end).unwrap() <= characters, "{span}, {} long, in {line:?}", span.len);
}

/// What a model was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum From {
    Definition,
    BothFiles,
}

/// Writes a model, reads it again and compares: the same model apart from places, and the same text from both. A
/// definition that had no configuration is read without one again, since it may name a balancer, and only a
/// configuration declares those.
pub fn assert_comes_back(model: &ServiceModel, from: From, options: &Options) {
    let definition = source("written.csdef", write_definition(model));
    let configuration = source("written.cscfg", write_configuration(model));
    let beside = (from == From::BothFiles).then_some(&configuration);
    let outcome = read(&definition, beside, options);
    let sources = outcome.sources(&definition, beside);
    let Some(again) = &outcome.model else {
        let problems = render(&outcome.diagnostics, &sources, false);
        panic!("a written model is refused:\n{problems}\n{}\n{}", definition.text, configuration.text);
    };
    assert_eq!(without_places(again), without_places(model), "{}\n{}", definition.text, configuration.text);
    assert_eq!(write_definition(again), definition.text);
    assert_eq!(write_configuration(again), configuration.text);
}

/// Everything that a model holds, except where it was written. Made from what `Debug` derives, so it cannot miss a
/// field. No value can look like a place: quotes within a text are escaped there.
pub fn without_places(model: &ServiceModel) -> String {
    const PLACE: &str = "Span { source: \"";
    let text = format!("{model:?}");
    let mut pieces = text.split(PLACE);
    let mut rest = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (_, after) = piece.split_once(" }").unwrap();
        rest.push('@');
        rest.push_str(after);
    }
    // One value on each line: a difference is found at a glance.
    rest.replace(", ", ",\n")
}
