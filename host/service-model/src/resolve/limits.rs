//! The documented limits (facts: section 8.1; where the sources differ, 25 endpoints of each kind in a service and
//! 5 internal ones in a role).

use crate::definition::{WrittenDefinition, WrittenEndpoint, WrittenRole};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::{EndpointKind, Span};

const ROLES: usize = 25;
const CERTIFICATES: usize = 199;
const ENDPOINTS_OF_A_KIND: usize = 25;
const INTERNAL_ENDPOINTS_OF_A_ROLE: usize = 5;

/// Reports the first thing beyond each limit, where it stands.
pub(super) fn check(definition: &WrittenDefinition, report: &mut Report) {
    let roles: Vec<&Span> = definition.roles.iter().map(|role| &role.name.span).collect();
    check_count(&roles, ROLES, "roles in the service", report);

    for (kind, what) in [
        (Kind::Input, "input endpoints in the service"),
        (Kind::Internal, "internal endpoints in the service"),
        (Kind::InstanceInput, "instance input endpoints in the service"),
    ] {
        let all = definition.roles.iter().flat_map(declared_endpoints);
        check_count(&spans_of(kind, all), ENDPOINTS_OF_A_KIND, what, report);
    }
    let certificates = definition.roles.iter().flat_map(|role| &role.certificates);
    let spans: Vec<&Span> = certificates.map(|certificate| &certificate.span).collect();
    check_count(&spans, CERTIFICATES, "certificates in the service", report);
    for role in &definition.roles {
        let what = format!("internal endpoints in role `{}`", role.name.value);
        let spans = spans_of(Kind::Internal, declared_endpoints(role));
        check_count(&spans, INTERNAL_ENDPOINTS_OF_A_ROLE, &what, report);
    }
}

/// The endpoints that count: those of modules do not, since nobody can do without some of them. Caching alone adds as
/// many internal ones as a role may have.
fn declared_endpoints(role: &WrittenRole) -> impl Iterator<Item = &WrittenEndpoint> {
    role.endpoints.iter().filter(|endpoint| !role.imports.explain(endpoint.name.value.as_str()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    InstanceInput,
    Internal,
}

fn spans_of<'a>(kind: Kind, endpoints: impl IntoIterator<Item = &'a WrittenEndpoint>) -> Vec<&'a Span> {
    let is_kind = |endpoint: &&WrittenEndpoint| {
        let found = endpoint.kind.as_ref().map(|kind| match kind {
            EndpointKind::Input(_) => Kind::Input,
            EndpointKind::InstanceInput(_) => Kind::InstanceInput,
            EndpointKind::Internal(_) => Kind::Internal,
        });
        found == Some(kind)
    };
    endpoints.into_iter().filter(is_kind).map(|endpoint| &endpoint.span).collect()
}

fn check_count(spans: &[&Span], limit: usize, what: &str, report: &mut Report) {
    if let Some(first_beyond) = spans.get(limit) {
        let message = format!("{} {what} are too many", spans.len());
        let error = Diagnostic::at(Code::LimitExceeded, first_beyond, message);
        report.push(error.label(format!("this is one more than {limit}")));
    }
}
