//! Puts values into the trees of the two files.

use super::locate::{Argument, File, Place, PlacedStep, Refused, Roles};
use super::refuse::{may_be_made, several};
use super::write::{count_instances, empty_configuration, made_element, set_attribute};
use super::{AppliedOverlay, Overlay};
use crate::Source;
use crate::diagnostic::Report;
use crate::xml::Element;

/// The trees of both files.
pub(crate) struct Files {
    /// The root of a definition.
    pub(crate) definition: Element,
    pub(crate) configuration: Configuration,
}

/// The tree of a configuration.
pub(crate) enum Configuration {
    /// No file was given.
    Absent,
    /// A file was given that is no configuration, which was reported.
    Unreadable,
    /// The root of a configuration that was given.
    Given(Element),
    /// The root of one that holds overlaid values and nothing else.
    Made(Element),
}

impl Configuration {
    pub(crate) fn root(&self) -> Option<&Element> {
        match self {
            Configuration::Given(root) | Configuration::Made(root) => Some(root),
            Configuration::Absent | Configuration::Unreadable => None,
        }
    }
}

/// What became of all overlays.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) overlays: Vec<AppliedOverlay>,
    /// The arguments as texts to show lines of: one source for each option, one line for each argument.
    pub(crate) sources: Vec<Source>,
}

/// Applies overlays in their order; a later one may replace an earlier one. What leads nowhere is reported.
pub(crate) fn apply(files: &mut Files, overlays: &[Overlay], report: &mut Report) -> Applied {
    let mut applied = Vec::new();
    let mut shown = Vec::new();
    for overlay in overlays {
        let argument = Argument { overlay, line: show(overlay, &mut shown) };
        let roles = Roles { definition: &files.definition, configuration: files.configuration.root() };
        match argument.place(&roles).and_then(|place| put(files, place, overlay)) {
            Ok(done) => applied.extend(done),
            Err(refused) => report.push(*refused),
        }
    }
    if let Configuration::Made(root) = &mut files.configuration {
        count_instances(root);
    }
    Applied { overlays: applied, sources: shown.into_iter().map(|(source, _)| source).collect() }
}

/// Adds the argument to the source of its option, of which the number of lines is known; the number of its line.
fn show(overlay: &Overlay, sources: &mut Vec<(Source, u32)>) -> u32 {
    let name = overlay.source_name();
    match sources.iter_mut().find(|(source, _)| source.name == name) {
        Some((source, lines)) => {
            source.text.push('\n');
            source.text.push_str(&overlay.shown());
            *lines = lines.saturating_add(1);
            *lines
        }
        None => {
            sources.push((Source { name: name.to_owned(), text: overlay.shown() }, 1));
            1
        }
    }
}

/// `None`: the file that the value belongs to could not be read.
fn put(files: &mut Files, place: Place, overlay: &Overlay) -> Result<Option<AppliedOverlay>, Refused> {
    let Files { definition, configuration } = files;
    if place.file == File::Configuration && matches!(configuration, Configuration::Absent) {
        *configuration = Configuration::Made(empty_configuration(definition));
    }
    let root = match (place.file, configuration.root()) {
        (File::Definition, _) => &*definition,
        (File::Configuration, Some(root)) => root,
        (File::Configuration, None) => return Ok(None),
    };
    let target = path_of(&place);
    let found = find(root, &place)?;
    for (step, parent) in found.missing(&place.steps) {
        may_be_made(step, parent, &place, definition)?;
    }
    let positions = found.positions;
    let Place { file, steps, attribute, value } = place;
    let mut element = match (file, configuration) {
        (File::Configuration, Configuration::Given(root) | Configuration::Made(root)) => root,
        _ => definition,
    };
    for position in &positions {
        let Some(child) = element.children.get_mut(*position) else { return Ok(None) };
        element = child;
    }
    for step in steps.into_iter().skip(positions.len()) {
        let made = made_element(step, element.namespace);
        element.children.push(made);
        let Some(child) = element.children.last_mut() else { return Ok(None) };
        element = child;
    }
    let before = set_attribute(element, &attribute, &value);
    let (was, replaced) = before.map(|before| (before.value, before.value_span)).unzip();
    Ok(Some(AppliedOverlay { target, value: value.value, was, given_as: overlay.to_string(), replaced }))
}

/// How far a place is there already.
struct Found<'a> {
    /// Which child each step is.
    positions: Vec<usize>,
    /// The element that they lead to.
    last: &'a Element,
}

impl<'a> Found<'a> {
    /// The steps that are not there, each with the element that it should be in, as far as that is there.
    fn missing<'p>(
        &self,
        steps: &'p [PlacedStep],
    ) -> impl Iterator<Item = (&'p PlacedStep, Option<&'a Element>)> {
        let parents = std::iter::once(Some(self.last)).chain(std::iter::repeat(None));
        steps.iter().skip(self.positions.len()).zip(parents)
    }
}

fn find<'a>(root: &'a Element, place: &Place) -> Result<Found<'a>, Refused> {
    let mut found = Found { positions: Vec::new(), last: root };
    for step in &place.steps {
        let mut fitting = found.last.children.iter().enumerate().filter(|(_, child)| {
            child.namespace == found.last.namespace && child.name == step.rule.name && step.chooses(child)
        });
        let Some((position, child)) = fitting.next() else { return Ok(found) };
        if let Some((_, second)) = fitting.next() {
            return Err(several(step, [child, second].into_iter().chain(fitting.map(|(_, other)| other))));
        }
        drop(fitting);
        found.positions.push(position);
        found.last = child;
    }
    Ok(found)
}

impl PlacedStep {
    fn chooses(&self, element: &Element) -> bool {
        self.filter.as_ref().is_none_or(|(name, wanted)| {
            element.attribute(name).is_some_and(|attribute| attribute.value == wanted.value)
        })
    }
}

/// The path with every choice spelled out, roles by their names.
fn path_of(place: &Place) -> String {
    let mut path = String::new();
    for (position, step) in place.steps.iter().enumerate() {
        match &step.filter {
            Some((_, role)) if position == 0 && step.rule.name.ends_with("Role") => {
                path.push_str(&role.value)
            }
            Some((name, wanted)) => {
                path.push_str(&format!("{}[@{name}=\"{}\"]", step.rule.name, wanted.value));
            }
            None => path.push_str(step.rule.name),
        }
        path.push('/');
    }
    path.push('@');
    path.push_str(place.attribute.value);
    path
}
