//! Traffic rules: the roles and endpoints that they name.

use std::collections::BTreeSet;

use super::index::Index;
use super::roles::report_unknown_endpoint;
use crate::definition::{WrittenRole, WrittenRule, WrittenSources};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{EndpointId, EndpointKind, RoleId, Sources, TrafficRule};

/// The rules with ids for names. A name that is nobody's is reported and left out.
pub(super) fn resolve(index: &Index<'_>, report: &mut Report) -> Vec<TrafficRule> {
    index.definition.rules.iter().map(|rule| resolve_rule(rule, index, report)).collect()
}

fn resolve_rule(rule: &WrittenRule, index: &Index<'_>, report: &mut Report) -> TrafficRule {
    let mut destinations = BTreeSet::new();
    for (role, endpoint) in &rule.destinations {
        destinations.extend(resolve_destination(role, endpoint, index, report));
    }
    let sources = match &rule.sources {
        WrittenSources::AllRoles => Sources::AllRoles,
        WrittenSources::Roles(names) => {
            let found = names.iter().filter_map(|name| find_role(name, index, report));
            Sources::Roles(found.map(|(id, _)| id).collect())
        }
    };
    TrafficRule { destinations, sources, span: rule.span.clone() }
}

fn resolve_destination(
    role_name: &Located<String>,
    endpoint: &Located<String>,
    index: &Index<'_>,
    report: &mut Report,
) -> Option<EndpointId> {
    let (role_id, role) = find_role(role_name, index, report)?;
    let Some((id, found)) = index.endpoint(role_id, &endpoint.value) else {
        report_unknown_endpoint(role, &endpoint.value, &endpoint.span, report);
        return None;
    };
    if matches!(found.kind, Some(EndpointKind::Input(_) | EndpointKind::InstanceInput(_))) {
        let message =
            format!("endpoint `{}` of role `{}` is no internal endpoint", endpoint.value, role_name.value);
        let error = Diagnostic::at(Code::NotInternal, &endpoint.span, message);
        report.push(error.label("open to everyone, a traffic rule cannot close it"));
    }
    Some(id)
}

fn find_role<'a>(
    name: &Located<String>,
    index: &Index<'a>,
    report: &mut Report,
) -> Option<(RoleId, &'a WrittenRole)> {
    let found = index.role(&name.value);
    if found.is_none() && !index.definition.has_nameless_role {
        let message = format!("the definition has no role `{}`", name.value);
        let error = Diagnostic::at(Code::UnknownRole, &name.span, message);
        let known = index.definition.roles.iter().map(|role| role.name.value.as_str());
        let nearest = report.nearest(&name.value, known);
        report.push(error.did_you_mean(nearest));
    }
    found
}
