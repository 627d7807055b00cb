//! Attributes and elements that overlays add. What they add has its place in the argument.

use super::locate::PlacedStep;
use crate::fields::Located;
use crate::xml::{Attribute, Element, Namespace};

/// Writes the value; the attribute that stood there before.
pub(super) fn set_attribute(
    element: &mut Element,
    name: &Located<&'static str>,
    value: &Located<String>,
) -> Option<Attribute> {
    let new = attribute(name, value);
    let spelled = element.attribute(name.value).map(|found| found.name.clone());
    let own =
        |found: &&mut Attribute| found.namespace == Namespace::None && Some(&found.name) == spelled.as_ref();
    match element.attributes.iter_mut().find(own) {
        Some(old) => Some(std::mem::replace(old, new)),
        None => {
            element.attributes.push(new);
            None
        }
    }
}

fn attribute(name: &Located<&'static str>, value: &Located<String>) -> Attribute {
    Attribute {
        namespace: Namespace::None,
        name: name.value.to_owned(),
        value: value.value.clone(),
        name_span: name.span.clone(),
        value_span: value.span.clone(),
    }
}

/// The element of a step that is not there, with the attribute that chooses it.
pub(super) fn made_element(step: PlacedStep, namespace: Namespace) -> Element {
    let PlacedStep { rule, filter, span, .. } = step;
    let word = |value: &'static str| Located { value, span: span.clone() };
    let mut attributes = Vec::new();
    if let Some((name, wanted)) = filter {
        attributes.push(attribute(&word(name), &wanted));
    }
    if rule.name == "Certificate" {
        // There is no other algorithm, so nobody should have to say it.
        let sha1 = Located { value: "sha1".to_owned(), span: span.clone() };
        attributes.push(attribute(&word("thumbprintAlgorithm"), &sha1));
    }
    let name = rule.name.to_owned();
    Element { namespace, name, attributes, children: Vec::new(), stray_text: None, span }
}

/// A configuration of the same service that says nothing yet.
pub(super) fn empty_configuration(definition: &Element) -> Element {
    let name = definition.attribute("name");
    let value = Located {
        value: name.map(|name| name.value.clone()).unwrap_or_default(),
        span: name.map_or(&definition.span, |name| &name.value_span).clone(),
    };
    let service_name = Located { value: "serviceName", span: definition.span.clone() };
    Element {
        namespace: Namespace::Configuration,
        name: "ServiceConfiguration".to_owned(),
        attributes: vec![attribute(&service_name, &value)],
        children: Vec::new(),
        stray_text: None,
        span: definition.span.clone(),
    }
}

/// Roles of a configuration that was made have one instance, as without a configuration.
pub(super) fn count_instances(root: &mut Element) {
    for role in root.children.iter_mut().filter(|element| element.name == "Role") {
        if role.child("Instances").is_some() {
            continue;
        }
        let span = role.span.clone();
        let one = Located { value: "1".to_owned(), span: span.clone() };
        let count = attribute(&Located { value: "count", span: span.clone() }, &one);
        role.children.push(Element {
            namespace: role.namespace,
            name: "Instances".to_owned(),
            attributes: vec![count],
            children: Vec::new(),
            stray_text: None,
            span,
        });
    }
}
