//! From the text of an overlay to a place in one of the two files: the schemas decide which.

use std::ops::Range;

use super::{Overlay, Target};
use crate::Span;
use crate::diagnostic::{Code, Diagnostic};
use crate::fields::Located;
use crate::location::Locator;
use crate::nearest::nearest;
use crate::vocabulary::{ElementRule, SERVICE_CONFIGURATION, SERVICE_DEFINITION};
use crate::xml::Element;

/// Boxed, since the good way should not carry its size.
pub(super) type Refused = Box<Diagnostic>;

/// What chooses an element and cannot be set itself.
const NAME: &str = "name";

/// The file that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Definition,
    Configuration,
}

/// Where a value belongs.
pub(super) struct Place {
    pub(super) file: File,
    /// From the root, which is not among them, to the element that has the attribute.
    pub(super) steps: Vec<PlacedStep>,
    /// As the schema spells it.
    pub(super) attribute: Located<&'static str>,
    pub(super) value: Located<String>,
}

/// A step to an element of the schema.
pub(super) struct PlacedStep {
    pub(super) rule: &'static ElementRule,
    /// It may stand several times beside itself.
    pub(super) repeats: bool,
    /// The attribute that chooses one of several, as the schema spells it.
    pub(super) filter: Option<(&'static str, Located<String>)>,
    pub(super) span: Span,
}

/// An overlay as a path of names; the roles are known by now, the schemas not yet asked.
struct Path {
    role: Option<Located<String>>,
    steps: Vec<NamedStep>,
    attribute: Located<String>,
}

struct NamedStep {
    name: Located<String>,
    filter: Option<(Located<String>, Located<String>)>,
}

/// An overlay whose pieces have places on the line that shows it.
pub(super) struct Argument<'a> {
    pub(super) overlay: &'a Overlay,
    /// From 1, among the arguments of the same option.
    pub(super) line: u32,
}

impl Argument<'_> {
    fn piece(&self, range: Range<usize>) -> Located<String> {
        let overlay = self.overlay;
        let len = range.end.saturating_sub(range.start);
        let on_first_line = overlay.shown();
        let span = Locator::new(overlay.source_name(), &on_first_line).span(range.start, len);
        Located { value: overlay.part(&range).to_owned(), span: Span { line: self.line, ..span } }
    }

    /// Finds the place; `roles` are the role elements of both files.
    pub(super) fn place(&self, roles: &Roles<'_>) -> Result<Place, Refused> {
        let value = self.piece(self.overlay.value..self.overlay.text.len());
        let path = self.path(roles)?;
        let mut deepest: Option<Stuck> = None;
        for file in [File::Definition, File::Configuration] {
            match follow(&path, file, roles) {
                Ok((steps, attribute)) if attribute.value == NAME => {
                    return Err(keeps_its_name(&attribute, &steps));
                }
                Ok((steps, attribute)) => return Ok(Place { file, steps, attribute, value }),
                Err(stuck) => deepest = Some(stuck.or_deeper(deepest)),
            }
        }
        Err(deepest.map_or_else(|| nowhere(&path.attribute), Stuck::into_diagnostic))
    }

    fn path(&self, roles: &Roles<'_>) -> Result<Path, Refused> {
        match &self.overlay.target {
            Target::Setting(key) => self.setting_path(key, roles),
            Target::Attribute { steps, attribute } => {
                let mut named = steps.iter().map(|step| NamedStep {
                    name: self.piece(step.name.clone()),
                    filter: step.filter.clone().map(|(name, value)| (self.piece(name), self.piece(value))),
                });
                let attribute = self.piece(attribute.clone());
                let Some(first) = named.next() else {
                    return Ok(Path { role: None, steps: Vec::new(), attribute });
                };
                if first.filter.is_none() && roles.has(&first.name.value) {
                    return Ok(Path { role: Some(first.name), steps: named.collect(), attribute });
                }
                let name = first.name.value.as_str();
                if SERVICE_DEFINITION.child(name).is_none() && SERVICE_CONFIGURATION.child(name).is_none() {
                    return Err(roles.unknown(&first.name));
                }
                Ok(Path { role: None, steps: std::iter::once(first).chain(named).collect(), attribute })
            }
        }
    }

    /// `Role.Setting`, where both names may have dots.
    fn setting_path(&self, key: &Range<usize>, roles: &Roles<'_>) -> Result<Path, Refused> {
        let text = self.overlay.part(key);
        let fits = |role: &&str| {
            text.strip_prefix(*role).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
        };
        let Some(role) = roles.names().filter(fits).max_by_key(|role| role.len()) else {
            let first = text.split('.').next().unwrap_or_default();
            return Err(roles.unknown(&self.piece(key.start..key.start.saturating_add(first.len()))));
        };
        let role_end = key.start.saturating_add(role.len());
        let whole = self.piece(key.clone());
        let word = |word: &str| Located { value: word.to_owned(), span: whole.span.clone() };
        let setting = self.piece(role_end.saturating_add(1)..key.end);
        let steps = vec![
            NamedStep { name: word("ConfigurationSettings"), filter: None },
            NamedStep { name: word("Setting"), filter: Some((word("name"), setting)) },
        ];
        Ok(Path { role: Some(self.piece(key.start..role_end)), steps, attribute: word("value") })
    }
}

/// The roles of both files.
pub(super) struct Roles<'a> {
    pub(super) definition: &'a Element,
    pub(super) configuration: Option<&'a Element>,
}

impl<'a> Roles<'a> {
    fn has(&self, name: &str) -> bool {
        self.names().any(|role| role == name)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        let configured = self.configuration.into_iter().flat_map(|root| root.children.iter());
        let roles = self.definition.children.iter().chain(configured).filter(|element| is_role(element));
        roles.filter_map(|role| role.attribute("name")).map(|name| name.value.as_str())
    }

    /// The rule of a role's element in the definition.
    fn rule(&self, name: &str) -> Option<&'static ElementRule> {
        let mut roles = self.definition.children.iter().filter(|element| is_role(element));
        let role = roles.find(|role| role.attribute("name").is_some_and(|found| found.value == name))?;
        SERVICE_DEFINITION.child(&role.name).map(|(rule, _)| rule)
    }

    fn unknown(&self, name: &Located<String>) -> Refused {
        let message = format!("the definition has no role `{}`", name.value);
        let error = Diagnostic::at(Code::OverlayWithoutTarget, &name.span, message);
        let elements = SERVICE_DEFINITION.child_names().chain(SERVICE_CONFIGURATION.child_names());
        let element: Option<&'a str> = nearest(&name.value, elements);
        Box::new(suggest(error, &name.value, &self.names().chain(element).collect::<Vec<_>>()))
    }
}

/// Whether an element below a root is a role.
pub(super) fn is_role(element: &Element) -> bool {
    matches!(element.name.as_str(), "WebRole" | "WorkerRole" | "VirtualMachineRole" | "Role")
}

/// The schema's steps and attribute for a path in one of the files.
fn follow(
    path: &Path,
    file: File,
    roles: &Roles<'_>,
) -> Result<(Vec<PlacedStep>, Located<&'static str>), Stuck> {
    let root = match file {
        File::Definition => &SERVICE_DEFINITION,
        File::Configuration => &SERVICE_CONFIGURATION,
    };
    let mut rule: &'static ElementRule = root;
    let mut steps = Vec::new();
    if let Some(name) = &path.role {
        let found = match file {
            File::Definition => roles.rule(&name.value),
            File::Configuration => root.child("Role").map(|(rule, _)| rule),
        };
        rule = found.ok_or_else(|| Stuck::new(0, "element", root, name, Vec::new()))?;
        let filter = Some(("name", name.clone()));
        steps.push(PlacedStep { rule, repeats: true, filter, span: name.span.clone() });
    }
    for step in &path.steps {
        let depth = steps.len();
        let (next, repeats) = rule
            .child(&step.name.value)
            .ok_or_else(|| Stuck::new(depth, "element", rule, &step.name, rule.child_names().collect()))?;
        rule = next;
        let filter = match &step.filter {
            None => None,
            Some((name, value)) => Some((attribute(rule, name, depth)?, value.clone())),
        };
        steps.push(PlacedStep { rule, repeats, filter, span: step.name.span.clone() });
    }
    let name = attribute(rule, &path.attribute, steps.len()).map_err(|mut stuck| {
        stuck.known.retain(|known| *known != NAME);
        stuck
    })?;
    Ok((steps, Located { value: name, span: path.attribute.span.clone() }))
}

fn attribute(
    rule: &'static ElementRule,
    name: &Located<String>,
    depth: usize,
) -> Result<&'static str, Stuck> {
    rule.attribute(&name.value)
        .ok_or_else(|| Stuck::new(depth, "attribute", rule, name, rule.attribute_names().collect()))
}

/// A path leaves the schema of one file.
struct Stuck {
    /// Steps that it could go.
    depth: usize,
    /// "element" or "attribute".
    what: &'static str,
    at: &'static ElementRule,
    name: Located<String>,
    known: Vec<&'static str>,
}

impl Stuck {
    fn new(
        depth: usize,
        what: &'static str,
        at: &'static ElementRule,
        name: &Located<String>,
        known: Vec<&'static str>,
    ) -> Self {
        Stuck { depth, what, at, name: name.clone(), known }
    }

    /// Of both files' answers the one that understood more. At the same place, what both know may be meant.
    fn or_deeper(mut self, other: Option<Stuck>) -> Stuck {
        match other {
            Some(other) if other.depth > self.depth => other,
            Some(mut other) if other.depth == self.depth && other.what == self.what => {
                other.known.append(&mut self.known);
                other
            }
            _ => self,
        }
    }

    fn into_diagnostic(self) -> Refused {
        let Stuck { what, at, name, known, .. } = self;
        if known.contains(&name.value.as_str()) {
            let message = format!("nothing inside of `{}` can be set in this version", name.value);
            return Box::new(Diagnostic::at(Code::OverlayWithoutTarget, &name.span, message));
        }
        let message = format!("`{}` has no {what} `{}`", at.name, name.value);
        let error = Diagnostic::at(Code::OverlayWithoutTarget, &name.span, message);
        Box::new(suggest(error, &name.value, &known))
    }
}

/// Adds the name that was meant, or those that there are.
pub(super) fn suggest(error: Diagnostic, word: &str, known: &[&str]) -> Diagnostic {
    const SHOWN: usize = 12;
    if let Some(near) = nearest(word, known.iter().copied()) {
        return error.did_you_mean(Some(near));
    }
    let mut names: Vec<&str> = Vec::new();
    for name in known {
        if !names.contains(name) {
            if names.len() == SHOWN {
                names.push("…");
                break;
            }
            names.push(name);
        }
    }
    if names.is_empty() { error } else { error.help(format!("known here: {}", names.join(", "))) }
}

fn keeps_its_name(attribute: &Located<&'static str>, steps: &[PlacedStep]) -> Refused {
    let what = steps.last().map_or("ServiceDefinition", |step| step.rule.name);
    let message = format!("the name of a `{what}` cannot be set");
    let error = Diagnostic::at(Code::OverlayWithoutTarget, &attribute.span, message);
    Box::new(error.label("names are what everything is found by").help("change it in the files"))
}

fn nowhere(attribute: &Located<String>) -> Refused {
    let message = format!("there is no attribute `{}`", attribute.value);
    Box::new(Diagnostic::at(Code::OverlayWithoutTarget, &attribute.span, message))
}
