//! Attributes to typed values. Each function reports what is wrong and returns `None`; reading goes on.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::nearest::nearest;
use crate::xml::{Attribute, Element};
use crate::{LocalPort, NameError, Port, Span};

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// An attribute that the element must have.
pub(crate) fn required<'a>(element: &'a Element, name: &str, report: &mut Report) -> Option<&'a Attribute> {
    let found = element.attribute(name);
    if found.is_none() {
        let message = format!("`{}` needs the attribute `{name}`", element.name);
        report.push(Diagnostic::at(Code::MissingAttribute, &element.span, message).label("not here"));
    }
    found
}

/// A child that the element must have.
pub(crate) fn required_child<'a>(
    element: &'a Element,
    name: &'a str,
    report: &mut Report,
) -> Option<&'a Element> {
    let found = element.child(name);
    if found.is_none() {
        let message = format!("`{}` needs an element `{name}`", element.name);
        report.push(Diagnostic::at(Code::MissingElement, &element.span, message).label("not in here"));
    }
    found
}

/// A required attribute as it stands, e.g. a name that is looked up later.
pub(crate) fn text(element: &Element, name: &str, report: &mut Report) -> Option<Located<String>> {
    let attribute = required(element, name, report)?;
    Some(Located { value: attribute.value.clone(), span: attribute.value_span.clone() })
}

/// A required text of 1 to 256 characters: the schema's `NonEmptyString`.
pub(crate) fn filled<'a>(element: &'a Element, name: &str, report: &mut Report) -> Option<&'a Attribute> {
    const LONGEST: usize = 256;
    let attribute = required(element, name, report)?;
    let length = attribute.value.chars().count();
    let message = if attribute.value.trim().is_empty() {
        format!("`{name}` is empty")
    } else if length > LONGEST {
        format!("`{name}` has {length} characters")
    } else {
        return Some(attribute);
    };
    let error = Diagnostic::at(Code::InvalidValue, &attribute.value_span, message);
    report.push(error.label(format!("expected 1 to {LONGEST} characters")));
    None
}

/// A required attribute that is a name.
pub(crate) fn name<T>(
    element: &Element,
    attribute: &str,
    check: fn(&str) -> Result<T, NameError>,
    report: &mut Report,
) -> Option<Located<T>> {
    let attribute = required(element, attribute, report)?;
    match check(&attribute.value) {
        Ok(value) => Some(Located { value, span: attribute.value_span.clone() }),
        Err(problem) => {
            let message = match attribute.value.as_str() {
                "" => "an empty text is no name".to_owned(),
                text => format!("`{text}` is no name"),
            };
            let error = Diagnostic::at(Code::InvalidName, &attribute.value_span, message);
            report.push(error.label(problem.to_string()));
            None
        }
    }
}

/// A port, 1 to 65535.
pub(crate) fn port(attribute: &Attribute, report: &mut Report) -> Option<Port> {
    let port = attribute.value.trim().parse().ok().and_then(Port::new);
    if port.is_none() {
        invalid(attribute, "a port from 1 to 65535", report);
    }
    port
}

/// A port or `*`.
pub(crate) fn port_or_any(attribute: &Attribute, report: &mut Report) -> Option<LocalPort> {
    if attribute.value.trim() == "*" {
        return Some(LocalPort::Dynamic);
    }
    let port = attribute.value.trim().parse().ok().and_then(Port::new);
    if port.is_none() {
        invalid(attribute, "a port from 1 to 65535, or `*`", report);
    }
    port.map(LocalPort::Fixed)
}

/// A whole number in a range.
pub(crate) fn number<T>(attribute: &Attribute, range: RangeInclusive<T>, report: &mut Report) -> Option<T>
where
    T: FromStr + PartialOrd + Display,
{
    let number = attribute.value.trim().parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        invalid(attribute, &wanted, report);
    }
    number
}

/// A boolean of XML Schema.
pub(crate) fn boolean(attribute: &Attribute, report: &mut Report) -> Option<bool> {
    word(attribute, &[("true", true), ("false", false), ("1", true), ("0", false)], report)
}

/// One of a list of words. Another ASCII case is accepted with a note.
pub(crate) fn word<T: Copy>(
    attribute: &Attribute,
    words: &[(&'static str, T)],
    report: &mut Report,
) -> Option<T> {
    let value = attribute.value.trim();
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
        return Some(*meaning);
    }
    if let Some((word, meaning)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)) {
        other_spelling(attribute, word, report);
        return Some(*meaning);
    }
    let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let message = format!("`{value}` is no value of `{}`", attribute.name);
    let error = Diagnostic::at(Code::InvalidValue, &attribute.value_span, message);
    let error = error.label(format!("expected {}", one_of(&known)));
    report.push(error.did_you_mean(nearest(value, words.iter().map(|(word, _)| *word))));
    None
}

/// Notes that a word is accepted although the schema spells it otherwise.
pub(crate) fn other_spelling(attribute: &Attribute, schema: &str, report: &mut Report) {
    let message = format!("`{schema}` is spelled `{}`", attribute.value.trim());
    report.push(Diagnostic::at(Code::OtherSpelling, &attribute.value_span, message));
}

/// Reports a value that its attribute cannot have. `wanted` follows "expected".
pub(crate) fn invalid(attribute: &Attribute, wanted: &str, report: &mut Report) {
    let message = format!("`{}` is no value of `{}`", attribute.value, attribute.name);
    let error = Diagnostic::at(Code::InvalidValue, &attribute.value_span, message);
    report.push(error.label(format!("expected {wanted}")));
}

/// "a", "a or b", "a, b or c".
fn one_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// Reports every name that stands a second time. `what` is the thing that has the name: "endpoint".
pub(crate) fn reject_duplicates<'a>(
    names: impl IntoIterator<Item = (&'a str, &'a Span)>,
    code: Code,
    what: &str,
    report: &mut Report,
) {
    let mut seen = std::collections::HashMap::new();
    for (name, span) in names {
        match seen.get(name) {
            None => {
                seen.insert(name, span);
            }
            Some(first) => report.push(duplicate(code, what, name, span, first)),
        }
    }
}

/// As [`reject_duplicates`] for names in which ASCII case does not count.
pub(crate) fn reject_folded_duplicates<'a>(
    names: impl IntoIterator<Item = (&'a str, &'a Span)>,
    code: Code,
    what: &str,
    report: &mut Report,
) {
    let mut seen: std::collections::HashMap<String, &Span> = std::collections::HashMap::new();
    for (name, span) in names {
        let folded = name.to_ascii_lowercase();
        match seen.get(&folded) {
            Some(first) => report.push(duplicate(code, what, name, span, first)),
            None => {
                seen.insert(folded, span);
            }
        }
    }
}

/// A name that stands a second time.
pub(crate) fn duplicate(code: Code, what: &str, name: &str, span: &Span, first: &Span) -> Diagnostic {
    let message = format!("the {what} `{name}` stands twice");
    Diagnostic::at(code, span, message).label(format!("first on line {}", first.line))
}
