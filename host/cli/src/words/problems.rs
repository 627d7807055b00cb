//! What is wrong with the files of a service: as a summary for people and as a document for programs.

use std::fmt;

use serde::Serialize;
use wasm_roles_service_model::{Diagnostic, Severity};

use crate::failure::{Failure, Reason};

/// How many problems there are.
pub struct Verdict {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Verdict {
    /// Counts diagnostics, and the reasons of a failure as errors.
    pub fn of(diagnostics: &[Diagnostic], failure: Option<&Failure>) -> Self {
        let count =
            |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        let reasons = failure.map_or(0, |failure| failure.reasons().len());
        Self {
            errors: count(Severity::Error).saturating_add(reasons),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        }
    }

    /// Whether there is no error.
    pub const fn ok(&self) -> bool {
        self.errors == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let told: Vec<String> = counts.into_iter().filter(|(count, _)| *count > 0).map(counted).collect();
        if told.is_empty() { f.write_str("no problems found") } else { f.write_str(&told.join(", ")) }
    }
}

fn counted((count, what): (usize, &str)) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The problems for programs. The keys and their order are a promise: they are added to, never renamed.
#[derive(Serialize)]
pub struct Document<'a> {
    ok: bool,
    configuration: Option<&'a str>,
    diagnostics: Vec<Problem<'a>>,
}

/// One problem. What it is not about is null.
#[derive(Serialize)]
struct Problem<'a> {
    code: Option<&'static str>,
    severity: String,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    end_column: Option<u32>,
    label: &'a str,
    help: Option<&'a str>,
}

impl<'a> Document<'a> {
    /// Diagnostics, then what else failed.
    pub fn new(
        configuration: Option<&'a str>,
        diagnostics: &'a [Diagnostic],
        failure: Option<&'a Failure>,
    ) -> Self {
        let ok = Verdict::of(diagnostics, failure).ok();
        let reasons = failure.map(Failure::reasons).unwrap_or_default();
        let problems = diagnostics.iter().map(Problem::from).chain(reasons.iter().map(Problem::from));
        Self { ok, configuration, diagnostics: problems.collect() }
    }

    /// Whether there is no error.
    pub const fn ok(&self) -> bool {
        self.ok
    }
}

impl<'a> From<&'a Diagnostic> for Problem<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Self {
        let span = diagnostic.span.as_ref();
        Self {
            code: Some(diagnostic.code.as_str()),
            severity: diagnostic.severity.to_string(),
            message: &diagnostic.message,
            file: span.map(|span| &*span.source),
            line: span.map(|span| span.line),
            column: span.map(|span| span.column),
            end_column: span.map(|span| span.column.saturating_add(span.len)),
            label: &diagnostic.label,
            help: diagnostic.help.as_deref(),
        }
    }
}

impl<'a> From<&'a Reason> for Problem<'a> {
    fn from(reason: &'a Reason) -> Self {
        Self {
            code: None,
            severity: Severity::Error.to_string(),
            message: &reason.message,
            file: None,
            line: None,
            column: None,
            end_column: None,
            label: "",
            help: reason.hint.as_deref(),
        }
    }
}
