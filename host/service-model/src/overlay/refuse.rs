//! When a path leads to no element, or to several: what may be added, and what to say otherwise.

use super::locate::{File, Place, PlacedStep, Refused, is_role, suggest};
use crate::diagnostic::{Code, Diagnostic};
use crate::xml::Element;

/// Settings and certificates below this name come from modules of the platform, which no definition declares
/// (facts: section 2.9). Whether a role imports the module is checked with everything else.
const OF_MODULES: &str = "Microsoft.WindowsAzure.Plugins.";

pub(super) fn several<'a>(step: &PlacedStep, fitting: impl Iterator<Item = &'a Element>) -> Refused {
    const SHOWN: usize = 5;
    let name = step.rule.name;
    let span = step.filter.as_ref().map_or(&step.span, |(_, wanted)| &wanted.span);
    let (mut count, mut choices) = (0_usize, Vec::new());
    for element in fitting {
        count = count.saturating_add(1);
        if choices.len() < SHOWN
            && let Some(own) = element.attribute("name")
        {
            choices.push(format!("`{name}[@name=\"{}\"]`", own.value));
        }
    }
    let error = Diagnostic::at(Code::OverlayWithoutTarget, span, format!("{count} elements `{name}` fit"));
    let error = error.label("which one?");
    Box::new(match step.filter {
        None if !choices.is_empty() => error.help(format!("say which, e.g. {}", choices.join(", "))),
        _ => error.help("say which with `[@attribute=\"value\"]`"),
    })
}

/// Whether an element that is not there may be added, and where it is not known what the parent has, should be.
pub(super) fn may_be_made(
    step: &PlacedStep,
    parent: Option<&Element>,
    place: &Place,
    definition: &Element,
) -> Result<(), Refused> {
    match &step.filter {
        None if place.file == File::Definition || step.repeats => Err(absent(step, parent, place, &[])),
        None => Ok(()),
        Some((_, wanted)) => {
            let own = wanted.value.as_str();
            let written = parent.into_iter().flat_map(|parent| parent.children.iter());
            let written = written.filter(|child| child.name == step.rule.name).filter_map(name_of);
            if place.file == File::Definition {
                return Err(absent(step, parent, place, &written.collect::<Vec<_>>()));
            }
            let Some(declared) = declared_names(step, place, definition) else { return Ok(()) };
            if own.starts_with(OF_MODULES) || declared.contains(&own) {
                return Ok(());
            }
            let known: Vec<&str> = declared.into_iter().chain(written).collect();
            Err(absent(step, parent, place, &known))
        }
    }
}

/// For what the definition declares and the configuration gives values to: the declared names.
fn declared_names<'a>(step: &PlacedStep, place: &Place, definition: &'a Element) -> Option<Vec<&'a str>> {
    let container = match step.rule.name {
        "Setting" => "ConfigurationSettings",
        "Certificate" => "Certificates",
        _ => return None,
    };
    let role = place.steps.first().and_then(|step| step.filter.as_ref())?;
    let role = definition
        .children
        .iter()
        .find(|element| is_role(element) && name_of(element) == Some(&role.1.value))?;
    Some(role.items(container, step.rule.name).filter_map(name_of).collect())
}

fn name_of(element: &Element) -> Option<&str> {
    element.attribute("name").map(|name| name.value.as_str())
}

fn absent(step: &PlacedStep, parent: Option<&Element>, place: &Place, known: &[&str]) -> Refused {
    let name = step.rule.name;
    let role = place.steps.first().filter(|first| first.rule.name.ends_with("Role"));
    let owner = match role.and_then(|role| role.filter.as_ref()) {
        Some((_, role)) => format!("role `{}`", role.value),
        None => format!("`{}`", parent.map_or("ServiceDefinition", |parent| parent.name.as_str())),
    };
    let (message, span) = match &step.filter {
        None => (format!("{owner} has no `{name}`"), &step.span),
        Some((_, wanted)) => (format!("{owner} has no `{name}` called `{}`", wanted.value), &wanted.span),
    };
    let error = Diagnostic::at(Code::OverlayWithoutTarget, span, message);
    Box::new(match &step.filter {
        Some((_, wanted)) if !known.is_empty() => suggest(error, &wanted.value, known),
        _ => error.help("an overlay changes values; write the element into the definition"),
    })
}
