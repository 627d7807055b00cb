//! Diagnostics: what is wrong, where, and what would help.

mod code;
mod render;

use std::fmt;
use std::sync::Arc;

pub use code::Code;
pub use render::render;

use crate::nearest::nearest;
use crate::{LimitsMode, Options, Source, Span};

/// How many names are compared in all to find the ones that were meant.
const COMPARISONS: usize = 10_000;

/// Diagnostics of each severity that are kept, and bytes of their words. Nobody reads more, and each mistake of a large
/// hostile file would take more memory than it has bytes.
const KEPT: (usize, usize) = (20_000, 8 << 20);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// The file works, but perhaps not as meant.
    Warning,
    /// There is no model.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One thing to say about the two files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// How bad it is, under the options of this run.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where; `None` when it is about something that is not there.
    pub span: Option<Span>,
    /// A few words to print below the place.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Something about a place. The severity is set by the [`Report`] that takes it.
    pub(crate) fn at(code: Code, span: &Span, message: impl Into<String>) -> Self {
        Diagnostic { span: Some(span.clone()), ..Diagnostic::general(code, message) }
    }

    /// Something about the whole.
    pub(crate) fn general(code: Code, message: impl Into<String>) -> Self {
        let severity = code.severity(false);
        Diagnostic { code, severity, message: message.into(), span: None, label: String::new(), help: None }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As [`help`](Self::help), unless there is one already.
    pub(crate) fn or_help(mut self, help: &str) -> Self {
        self.help.get_or_insert_with(|| help.to_owned());
        self
    }

    /// "Did you mean", when there is somebody to mean.
    pub(crate) fn did_you_mean(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(nearest) => self.help(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }
}

/// Where the stages of reading put what they find.
pub(crate) struct Report {
    options: Options,
    diagnostics: Vec<Diagnostic>,
    /// How many there are of each severity, and how long their words are.
    kept: [(usize, usize); 3],
    left_out: usize,
    /// Names that [`nearest`](Self::nearest) may still compare.
    comparisons_left: usize,
}

impl Report {
    pub(crate) fn new(options: Options) -> Self {
        Report {
            options,
            diagnostics: Vec::new(),
            kept: [(0, 0); 3],
            left_out: 0,
            comparisons_left: COMPARISONS,
        }
    }

    /// The name nearest to a mistyped one among names of the file itself. Many mistakes beside many names would
    /// take quadratic time, so after some thousand comparisons nothing is near any more.
    pub(crate) fn nearest<'a>(
        &mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let left = &mut self.comparisons_left;
        nearest(word, candidates.into_iter().take(*left).inspect(|_| *left = left.saturating_sub(1)))
    }

    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.severity = match (diagnostic.code, self.options.limits) {
            (Code::LimitExceeded, LimitsMode::Warn) => Severity::Warning,
            (code, _) => code.severity(self.options.strict),
        };
        let [notes, warnings, errors] = &mut self.kept;
        let (count, bytes) = match diagnostic.severity {
            Severity::Note => notes,
            Severity::Warning => warnings,
            Severity::Error => errors,
        };
        // The first one always, whatever its length: without it nobody knew that there is an error.
        if *count > 0 && (*count >= KEPT.0 || *bytes >= KEPT.1) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Diagnostic { message, label, help, .. } = &diagnostic;
        let words = message.len() + label.len() + help.as_ref().map_or(0, String::len);
        (*count, *bytes) = (count.saturating_add(1), bytes.saturating_add(words));
        self.diagnostics.push(diagnostic);
    }

    /// How many were not kept.
    pub(crate) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// All of them in the order of the text, the definition's first, then the configuration's, then those about
    /// overlays; those without a place last.
    pub(crate) fn into_diagnostics(
        mut self,
        definition: &Source,
        configuration: Option<&Source>,
    ) -> Vec<Diagnostic> {
        let files = [Some(definition.name.as_str()), configuration.map(|source| source.name.as_str())];
        let file_of = |span: &Span| {
            let file = files.iter().position(|name| *name == Some(&*span.source));
            file.unwrap_or(files.len())
        };
        self.diagnostics.sort_by(|left, right| match (&left.span, &right.span) {
            (Some(left), Some(right)) => {
                let key = |span: &Span| (file_of(span), Arc::clone(&span.source), span.line, span.column);
                key(left).cmp(&key(right))
            }
            (left, right) => left.is_none().cmp(&right.is_none()),
        });
        self.diagnostics
    }
}
