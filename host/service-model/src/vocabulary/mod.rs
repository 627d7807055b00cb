//! The vocabulary: what may stand where in the two files, and what this version makes of it.
//!
//! [`check`] walks a tree beside its table and reports whatever the stages after it will not look at: unknown
//! items, items without effect yet, repeated elements, text. So those stages pick out what they need and are done.
//! The tables follow the schemas of SDK 2.4 and the legacy forms that real files have.

mod configuration;
mod definition;

pub(crate) use configuration::SERVICE_CONFIGURATION;
pub(crate) use definition::SERVICE_DEFINITION;

use crate::Span;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::nearest::nearest;
use crate::xml::{Attribute, Element, Namespace};

/// An element of the schemas.
pub(crate) struct ElementRule {
    pub(crate) name: &'static str,
    attributes: &'static [AttributeRule],
    children: &'static [ChildRule],
}

struct AttributeRule {
    name: &'static str,
    effect: AttributeEffect,
}

enum AttributeEffect {
    /// Read by the stages after this one.
    Read,
    /// Not acted on yet; what is missing.
    Later(&'static str),
    /// Without meaning for components; why.
    Meaningless(&'static str),
}

struct ChildRule {
    occurs: Occurs,
    content: Content,
}

#[derive(PartialEq, Eq)]
enum Occurs {
    Once,
    Often,
}

enum Content {
    /// Read by the stages after this one.
    Read(&'static ElementRule),
    /// Read by the stages after this one, but nobody acts on it yet; what is missing.
    Pending(&'static ElementRule, &'static str),
}

const fn element(
    name: &'static str,
    attributes: &'static [AttributeRule],
    children: &'static [ChildRule],
) -> ElementRule {
    ElementRule { name, attributes, children }
}

const fn read(name: &'static str) -> AttributeRule {
    AttributeRule { name, effect: AttributeEffect::Read }
}

const fn later(name: &'static str, missing: &'static str) -> AttributeRule {
    AttributeRule { name, effect: AttributeEffect::Later(missing) }
}

const fn meaningless(name: &'static str, reason: &'static str) -> AttributeRule {
    AttributeRule { name, effect: AttributeEffect::Meaningless(reason) }
}

const fn once(rule: &'static ElementRule) -> ChildRule {
    ChildRule { occurs: Occurs::Once, content: Content::Read(rule) }
}

const fn often(rule: &'static ElementRule) -> ChildRule {
    ChildRule { occurs: Occurs::Often, content: Content::Read(rule) }
}

const fn pending_once(rule: &'static ElementRule, missing: &'static str) -> ChildRule {
    ChildRule { occurs: Occurs::Once, content: Content::Pending(rule, missing) }
}

impl ElementRule {
    /// The attribute of this name as the schema spells it; another ASCII case will do.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'static str> {
        self.attribute_names()
            .find(|known| *known == name)
            .or_else(|| self.attribute_names().find(|known| known.eq_ignore_ascii_case(name)))
    }

    /// All its attributes.
    pub(crate) fn attribute_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.attributes.iter().map(|known| known.name)
    }

    /// The element of this name inside of it, and whether it may stand there several times.
    pub(crate) fn child(&self, name: &str) -> Option<(&'static ElementRule, bool)> {
        let found = self.children.iter().find(|known| known.name() == name)?;
        let (Content::Read(rule) | Content::Pending(rule, _)) = found.content;
        Some((rule, found.occurs == Occurs::Often))
    }

    /// All elements inside of it.
    pub(crate) fn child_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.children.iter().map(ChildRule::name)
    }
}

impl ChildRule {
    fn name(&self) -> &'static str {
        let (Content::Read(rule) | Content::Pending(rule, _)) = self.content;
        rule.name
    }
}

/// Reports everything in `element` and below it that the stages after this one do not read.
pub(crate) fn check(element: &Element, rule: &ElementRule, report: &mut Report) {
    for attribute in &element.attributes {
        check_attribute(attribute, rule, report);
    }
    if let Some(text) = &element.stray_text {
        let message = format!("`{}` has no text of its own", element.name);
        report.push(Diagnostic::at(Code::StrayText, text, message).label("this text is left out"));
    }
    let mut seen: Vec<&'static str> = Vec::new();
    for child in &element.children {
        let Some(child_rule) = known_child(element, child, rule, report) else { continue };
        if child_rule.occurs == Occurs::Once && seen.contains(&child_rule.name()) {
            let message = format!("`{}` has a second `{}`", element.name, child.name);
            let problem = Diagnostic::at(Code::RepeatedElement, &child.span, message);
            report.push(problem.label("may stand once").help("put the content of both into one"));
        }
        seen.push(child_rule.name());
        match child_rule.content {
            Content::Read(rule) => check(child, rule, report),
            Content::Pending(rule, missing) => {
                warn_no_effect(rule.name, &child.span, missing, report);
                check(child, rule, report);
            }
        }
    }
}

fn warn_no_effect(name: &str, span: &Span, missing: &str, report: &mut Report) {
    let message = format!("`{name}` has no effect in this version: {missing}");
    let warning = Diagnostic::at(Code::NoEffect, span, message);
    report.push(warning.label("understood, has no effect"));
}

/// The rule for a child; reports the child when there is none.
fn known_child<'a>(
    element: &Element,
    child: &Element,
    rule: &'a ElementRule,
    report: &mut Report,
) -> Option<&'a ChildRule> {
    if matches!(child.namespace, Namespace::Foreign | Namespace::XmlTools) {
        let message = format!("`{}` belongs to another namespace", child.name);
        report.push(Diagnostic::at(Code::ForeignNamespace, &child.span, message).label("not read"));
        return None;
    }
    let found = rule.children.iter().find(|known| known.name() == child.name);
    if found.is_some() && child.namespace == element.namespace {
        return found;
    }
    let message = match found {
        Some(_) => format!("`{}` has not the namespace of `{}`", child.name, element.name),
        None => format!("`{}` has no element `{}`", element.name, child.name),
    };
    let problem = Diagnostic::at(Code::UnknownItem, &child.span, message).label("not read");
    report.push(problem.did_you_mean(nearest(&child.name, rule.children.iter().map(ChildRule::name))));
    None
}

fn check_attribute(attribute: &Attribute, rule: &ElementRule, report: &mut Report) {
    let (name, span) = (&attribute.name, &attribute.name_span);
    match attribute.namespace {
        Namespace::None => {}
        Namespace::XmlTools => return,
        Namespace::Foreign | Namespace::Definition | Namespace::Configuration => {
            let message = format!("the attribute `{name}` belongs to a namespace");
            let note = Diagnostic::at(Code::ForeignNamespace, span, message).label("not read");
            return report.push(note.help("the attributes of the Azure schemas have no prefix"));
        }
    }
    let known = || rule.attributes.iter();
    let Some(found) = known()
        .find(|known| known.name == name)
        .or_else(|| known().find(|known| known.name.eq_ignore_ascii_case(name)))
    else {
        let message = format!("`{}` has no attribute `{name}`", rule.name);
        let problem = Diagnostic::at(Code::UnknownItem, span, message).label("not read");
        return report.push(problem.did_you_mean(nearest(name, known().map(|known| known.name))));
    };
    if found.name != name {
        let message = format!("the attribute `{}` is spelled `{name}`", found.name);
        report.push(Diagnostic::at(Code::OtherSpelling, span, message));
    }
    match found.effect {
        AttributeEffect::Read => {}
        AttributeEffect::Later(missing) => warn_no_effect(found.name, span, missing, report),
        AttributeEffect::Meaningless(reason) => {
            let message = format!("`{}` has no meaning here: {reason}", found.name);
            report.push(Diagnostic::at(Code::NoMeaningHere, span, message));
        }
    }
}
