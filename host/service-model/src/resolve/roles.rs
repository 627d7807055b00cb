//! Roles: names that must differ, ports that must differ, and the endpoints that bindings name.

use std::collections::{BTreeMap, HashMap};

use super::settings::Configured;
use super::{certificates, sites};
use crate::definition::{WrittenEndpoint, WrittenRole};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::duplicate;
use crate::{Endpoint, EndpointKind, Port, PortRange, Role, RoleKind, Span, Transport};

/// Roles are looked up as host names, so ASCII case does not count and `Web_IN_0` is taken by role `Web`.
pub(super) fn check_names(roles: &[WrittenRole], report: &mut Report) {
    let mut seen: HashMap<String, &Span> = HashMap::new();
    for role in roles {
        let name = role.name.value.as_str();
        match seen.get(&name.to_ascii_lowercase()) {
            Some(first) => report.push(duplicate(Code::DuplicateRole, "role", name, &role.name.span, first)),
            None => {
                seen.insert(name.to_ascii_lowercase(), &role.name.span);
            }
        }
    }
    for role in roles {
        let folded = role.name.value.as_str().to_ascii_lowercase();
        let Some((owner, ordinal)) = folded.rsplit_once("_in_") else { continue };
        let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
        if is_ordinal && seen.contains_key(owner) {
            let message = format!("role `{}` is called like an instance of another role", role.name.value);
            report.push(Diagnostic::at(Code::DuplicateRole, &role.name.span, message));
        }
    }
}

/// All roles share the address of the service, so a public port is one endpoint's for each transport
/// (facts: section 2.4; tcp and udp on one number are two ports, open question 22).
pub(super) fn check_public_ports(roles: &[WrittenRole], report: &mut Report) {
    struct Claim<'a> {
        ports: PortRange,
        owner: &'a str,
        span: &'a Span,
    }
    // By transport and first port. No two in it overlap, so the one that starts last before a port's end has it.
    let mut claims: BTreeMap<(Transport, Port), Claim<'_>> = BTreeMap::new();
    for role in roles {
        for endpoint in &role.endpoints {
            let Some(span) = &endpoint.public_port_span else { continue };
            let (ports, transport) = match &endpoint.kind {
                Some(EndpointKind::Input(input)) => {
                    (PortRange::single(input.port), input.protocol.transport())
                }
                Some(EndpointKind::InstanceInput(input)) => (input.public_ports, input.transport),
                Some(EndpointKind::Internal(_)) | None => continue,
            };
            let before = claims.range(..=(transport, ports.last())).next_back();
            let taken =
                before.filter(|((other, _), claim)| *other == transport && claim.ports.overlaps(ports));
            if let Some((_, first)) = taken {
                let message = format!("the public {transport} port {ports} is claimed twice");
                let error = Diagnostic::at(Code::PublicPortTaken, span, message);
                report.push(
                    error.label(format!("first by role `{}` on line {}", first.owner, first.span.line)),
                );
                continue;
            }
            claims.insert((transport, ports.first()), Claim { ports, owner: role.name.value.as_str(), span });
        }
    }
}

/// A role with the names in it looked up and its part of the configuration.
pub(super) fn resolve(
    position: usize,
    role: WrittenRole,
    configured: Configured,
    report: &mut Report,
) -> Role {
    check_http_endpoint(&role, report);
    check_instance_ranges(&role, configured.instance_count, report);
    let sites = sites::resolve(position, &role, report);
    Role {
        name: role.name.value,
        kind: role.kind,
        vm_size: role.vm_size,
        instance_count: configured.instance_count,
        settings: configured.settings,
        local_resources: role.local_resources,
        endpoints: role.endpoints.into_iter().filter_map(resolve_endpoint).collect(),
        entry_point: role.entry_point,
        startup_tasks: role.startup_tasks,
        environment: role.environment,
        contents: role.contents,
        sites,
        certificates: certificates::configure(role.certificates, &configured.thumbprints),
        imports: role.imports.imports.into_iter().map(|found| found.import).collect(),
        vm_name: configured.vm_name,
        span: role.span,
    }
}

/// `None` for an endpoint that was reported as wrong; then there will be no model, and positions do not matter.
fn resolve_endpoint(endpoint: WrittenEndpoint) -> Option<Endpoint> {
    let WrittenEndpoint { name, kind, span, .. } = endpoint;
    Some(Endpoint { name: name.value, kind: kind?, span })
}

fn check_http_endpoint(role: &WrittenRole, report: &mut Report) {
    let may_be_http = |endpoint: &WrittenEndpoint| match &endpoint.kind {
        Some(EndpointKind::Input(input)) => input.protocol.is_http(),
        Some(_) => false,
        None => true,
    };
    let satisfied = role.has_nameless_endpoint || role.endpoints.iter().any(may_be_http);
    if role.kind == RoleKind::Worker || satisfied {
        return;
    }
    let message = format!("web role `{}` has no HTTP input endpoint", role.name.value);
    let error = Diagnostic::at(Code::NoHttpEndpoint, &role.span, message)
        .help("add `<InputEndpoint name=\"HttpIn\" protocol=\"http\" port=\"80\" />` to its `<Endpoints>`");
    report.push(error);
}

fn check_instance_ranges(role: &WrittenRole, instances: u32, report: &mut Report) {
    for endpoint in &role.endpoints {
        let Some(EndpointKind::InstanceInput(input)) = &endpoint.kind else { continue };
        let width = input.public_ports.width();
        if width < instances {
            let message = format!(
                "endpoint `{}` has {width} public ports for {instances} instances of role `{}`",
                endpoint.name.value, role.name.value
            );
            let error = Diagnostic::at(Code::RangeTooShort, &endpoint.span, message);
            report.push(error.label(format!("ports {}", input.public_ports)));
        }
    }
}

/// Reports a name that no endpoint of the role has.
pub(super) fn report_unknown_endpoint(role: &WrittenRole, name: &str, span: &Span, report: &mut Report) {
    if role.has_nameless_endpoint {
        return;
    }
    let message = format!("role `{}` has no endpoint `{name}`", role.name.value);
    let known = role.endpoints.iter().map(|endpoint| endpoint.name.value.as_str());
    let nearest = report.nearest(name, known);
    report.push(Diagnostic::at(Code::UnknownEndpoint, span, message).did_you_mean(nearest));
}
