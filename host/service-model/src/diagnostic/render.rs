//! Diagnostics for a terminal, in the manner of rustc.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::{Source, Span};

/// Bytes of a line that is shown. Longer ones are files that a program wrote as one line: a picture of it helps
/// nobody, and thousands of them would take minutes.
const LONGEST_LINE: usize = 2_000;

/// The lines of all sources.
struct Lines<'a> {
    sources: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Lines<'a> {
    fn of(sources: &[&'a Source]) -> Self {
        let lines = |source: &&'a Source| (source.name.as_str(), source.body().split('\n').collect());
        Self { sources: sources.iter().map(lines).collect() }
    }

    /// The line that a span begins on, unless it is too long to be shown.
    fn line_of(&self, span: &Span) -> Option<&'a str> {
        let (_, lines) = self.sources.iter().find(|(name, _)| *name == &*span.source)?;
        let line = lines.get(as_count(span.line).checked_sub(1)?)?.trim_end_matches('\r');
        (line.len() <= LONGEST_LINE).then_some(line)
    }
}

/// Renders diagnostics for people: each with its code, the line it is about and what would help, an empty line
/// between two of them. `color` adds ANSI escapes. A span in a source that is not given, or on a line of more
/// than 2,000 bytes, is printed without its line.
pub fn render(diagnostics: &[Diagnostic], sources: &[&Source], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let lines = Lines::of(sources);
    let mut text = String::new();
    for diagnostic in diagnostics {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&render_one(diagnostic, &lines, &renderer));
        text.push('\n');
    }
    text
}

fn render_one(diagnostic: &Diagnostic, lines: &Lines<'_>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    if let Some(span) = &diagnostic.span {
        group = match lines.line_of(span) {
            Some(line) => group.element(annotated(line, span, &diagnostic.label)),
            None => {
                let origin = Origin::path(&*span.source).line(as_count(span.line));
                let group = group.element(origin.char_column(as_count(span.column)));
                match diagnostic.label.as_str() {
                    "" => group,
                    label => group.element(Level::NOTE.message(label)),
                }
            }
        };
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

fn annotated<'a>(
    line: &'a str,
    span: &'a Span,
    label: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let start = byte_of(line, as_count(span.column).saturating_sub(1));
    let rest = line.get(start..).unwrap_or_default();
    let end = start.saturating_add(byte_of(rest, as_count(span.len)));
    let annotation = AnnotationKind::Primary.span(start..end);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(line).path(&*span.source).line_start(as_count(span.line)).annotation(annotation)
}

/// The byte where the character number `count` starts, or the end.
fn byte_of(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(offset, _)| offset)
}

fn as_count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
