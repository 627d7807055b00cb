//! Traffic rules: the roles and endpoints that they name.

use std::collections::BTreeSet;

use super::roles::{find_endpoint, report_unknown_endpoint};
use crate::definition::{WrittenDefinition, WrittenRule, WrittenSources};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::nearest::nearest;
use crate::{EndpointId, EndpointKind, RoleId, Sources, TrafficRule};

/// The rules with ids for names. A name that is nobody's is reported and left out.
pub(super) fn resolve(definition: &WrittenDefinition, report: &mut Report) -> Vec<TrafficRule> {
    definition.rules.iter().map(|rule| resolve_rule(rule, definition, report)).collect()
}

fn resolve_rule(rule: &WrittenRule, definition: &WrittenDefinition, report: &mut Report) -> TrafficRule {
    let mut destinations = BTreeSet::new();
    for (role, endpoint) in &rule.destinations {
        destinations.extend(resolve_destination(role, endpoint, definition, report));
    }
    let sources = match &rule.sources {
        WrittenSources::AllRoles => Sources::AllRoles,
        WrittenSources::Roles(names) => {
            Sources::Roles(names.iter().filter_map(|name| find_role(name, definition, report)).collect())
        }
    };
    TrafficRule { destinations, sources, span: rule.span.clone() }
}

fn resolve_destination(
    role_name: &Located<String>,
    endpoint: &Located<String>,
    definition: &WrittenDefinition,
    report: &mut Report,
) -> Option<EndpointId> {
    let role_id = find_role(role_name, definition, report)?;
    let role = definition.roles.get(role_id.0)?;
    let Some(position) = find_endpoint(role, &endpoint.value) else {
        report_unknown_endpoint(role, &endpoint.value, &endpoint.span, report);
        return None;
    };
    let kind = role.endpoints.get(position)?.kind.as_ref();
    if matches!(kind, Some(EndpointKind::Input(_) | EndpointKind::InstanceInput(_))) {
        let message =
            format!("endpoint `{}` of role `{}` is no internal endpoint", endpoint.value, role_name.value);
        let error = Diagnostic::at(Code::NotInternal, &endpoint.span, message);
        report.push(error.label("open to everyone, a traffic rule cannot close it"));
    }
    Some(EndpointId { role: role_id, position })
}

fn find_role(name: &Located<String>, definition: &WrittenDefinition, report: &mut Report) -> Option<RoleId> {
    let known = || definition.roles.iter().map(|role| role.name.value.as_str());
    let found = known().position(|known| known == name.value);
    if found.is_none() && !definition.has_nameless_role {
        let message = format!("the definition has no role `{}`", name.value);
        let error = Diagnostic::at(Code::UnknownRole, &name.span, message);
        report.push(error.did_you_mean(nearest(&name.value, known())));
    }
    found.map(RoleId)
}
