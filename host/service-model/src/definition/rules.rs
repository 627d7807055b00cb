//! Network traffic rules (facts: section 4).

use super::order;
use crate::Span;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::Element;

/// A rule whose names are not looked up yet.
pub(crate) struct WrittenRule {
    /// Role and endpoint.
    pub(crate) destinations: Vec<(Located<String>, Located<String>)>,
    pub(crate) sources: WrittenSources,
    pub(crate) span: Span,
}

/// The sources of a rule.
pub(crate) enum WrittenSources {
    AllRoles,
    Roles(Vec<Located<String>>),
}

/// The rules of all blocks, in the order of the definition.
pub(super) fn read(root: &Element, report: &mut Report) -> Vec<WrittenRule> {
    let mut blocks = root.children("NetworkTrafficRules");
    if let Some(first) = blocks.next() {
        for block in blocks {
            let message = "the definition has another block of traffic rules";
            let warning = Diagnostic::at(Code::SeveralRuleBlocks, &block.span, message)
                .label(format!("the first is on line {}", first.span.line))
                .help(
                    "the rules of all blocks are taken together; the schema wants one block with all rules",
                );
            report.push(warning);
        }
    }
    let rules = root.items("NetworkTrafficRules", "OnlyAllowTrafficTo");
    rules.filter_map(|rule| read_rule(rule, report)).collect()
}

fn read_rule(rule: &Element, report: &mut Report) -> Option<WrittenRule> {
    let wanted = "the schema wants `Destinations` before those who may reach them";
    order::note(rule, &[&["Destinations"], &["AllowAllTraffic", "WhenSource"]], wanted, report);
    let destinations = fields::required_child(rule, "Destinations", report)
        .map(|destinations| read_destinations(destinations, report));
    let sources = match (rule.child("AllowAllTraffic"), rule.child("WhenSource")) {
        (Some(_), None) => Some(WrittenSources::AllRoles),
        (None, Some(when)) => read_sources(when, report),
        (Some(all), Some(when)) => {
            let message = "the rule has `AllowAllTraffic` and `WhenSource`";
            let warning = Diagnostic::at(Code::AllowAllBesideWhenSource, &all.span, message)
                .label("has no effect beside `WhenSource`")
                .help("remove it: the schema allows one of the two");
            report.push(warning);
            read_sources(when, report)
        }
        (None, None) => {
            let message = "`OnlyAllowTrafficTo` needs an element `WhenSource` or `AllowAllTraffic`";
            report.push(Diagnostic::at(Code::MissingElement, &rule.span, message).label("not in here"));
            None
        }
    };
    Some(WrittenRule { destinations: destinations?, sources: sources?, span: rule.span.clone() })
}

fn read_destinations(element: &Element, report: &mut Report) -> Vec<(Located<String>, Located<String>)> {
    fields::required_child(element, "RoleEndpoint", report);
    let mut destinations = Vec::new();
    for destination in element.children("RoleEndpoint") {
        let role = fields::text(destination, "roleName", report);
        let endpoint = fields::text(destination, "endpointName", report);
        destinations.extend(role.zip(endpoint));
    }
    destinations
}

fn read_sources(when: &Element, report: &mut Report) -> Option<WrittenSources> {
    let matches = fields::required(when, "matches", report);
    let matches = matches.and_then(|matches| fields::word(matches, &[("AnyRule", ())], report));
    let mut sources = Vec::new();
    for from in when.children("FromRole") {
        sources.extend(fields::text(from, "roleName", report));
    }
    if when.child("FromRole").is_none() {
        let message = "`WhenSource` names no role";
        let warning = Diagnostic::at(Code::NobodyAdmitted, &when.span, message)
            .label("nobody can reach the destinations")
            .help("name the roles that may: `<FromRole roleName=\"…\" />`");
        report.push(warning);
    }
    matches.map(|()| WrittenSources::Roles(sources))
}
