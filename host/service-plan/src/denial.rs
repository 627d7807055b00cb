//! From a denial back to the definition: which line decided, and what would allow it.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;

use wasm_roles_service_model::Span;
use wasm_roles_virtual_network::policy::{AddressRange, DenyReason, OutboundRule, OutboundTarget, Transport};

use crate::traffic::only;
use crate::xml::attribute_value;
use crate::{Plan, PlannedRole, Reach};

/// A denial in words, for the person who wrote the definition.
///
/// Its `Display` is all of it in one or two sentences. Addresses, ports and names of hosts outside (letters, digits, `-`, `_`
/// and dots) are what the guest asked for: a flag that would allow them is an answer, not an advice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What is denied, and by what.
    pub reason: String,
    /// The place in the definition that decides it; `None` when no line does.
    pub place: Option<Span>,
    /// What would allow it.
    pub remedy: String,
    /// The XML to add, when the remedy is to add some.
    pub xml: Option<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.remedy)
    }
}

/// Explains why the policy of `plan` denied something.
pub fn explain_denial(plan: &Plan, reason: &DenyReason) -> Explanation {
    match reason {
        DenyReason::TrafficRule { from, role, endpoint, .. } => {
            rule(plan, from, role, endpoint).unwrap_or_else(|| unexplained(reason))
        }
        DenyReason::UndeclaredPort { role, transport, port } => {
            undeclared(plan, reason, role, *transport, *port)
        }
        DenyReason::NoSuchEndpoint { role, transport, port } => {
            undeclared(plan, reason, role, *transport, *port)
        }
        DenyReason::ForeignAddress => {
            without_xml(reason, "an instance binds its own address, the unspecified address or loopback")
        }
        DenyReason::Outside { target } => outside(reason, *target),
        DenyReason::OutsideName { name } => without_xml(
            reason,
            &format!(
                "to allow it, run with `--allow-outbound {name}`, or add \"{name}\" to `allow` in the file of `--host-policy`"
            ),
        ),
        DenyReason::NoPublicPort { .. } => without_xml(
            reason,
            "its public ports are those of the `<InputEndpoint>` elements in the definition",
        ),
        DenyReason::Vacant => without_xml(
            reason,
            "roles find each other by name (`<role>`, `<instance id>`); 10.0.0.0/16 is the deployment's own",
        ),
        DenyReason::UnknownName => without_xml(
            reason,
            "a name is `<role>`, `<instance id>` or `<number>.<role>`, and the role needs an `<InternalEndpoint>` \
             to be seen by others",
        ),
        _ => unexplained(reason),
    }
}

fn rule(plan: &Plan, from: &str, role: &str, endpoint: &str) -> Option<Explanation> {
    let target = role_named(plan, role)?.endpoints.iter().find(|known| known.name == endpoint)?;
    let Reach::Only { roles, rules } = &target.reach else { return None };
    let rule = rules.first()?;
    let place = &rule.span;
    let also = if rule.other_endpoints > 0 { ", which is for other endpoints too" } else { "" };
    let xml = format!("<FromRole roleName=\"{}\" />", attribute_value(from));
    Some(Explanation {
        reason: format!(
            "{from} may not reach endpoint {endpoint} of {role}: the traffic rule at {place} admits {}",
            only(roles)
        ),
        place: Some(place.clone()),
        remedy: format!("to allow it, add `{xml}` to the `<WhenSource>` of that rule{also}"),
        xml: Some(xml),
    })
}

fn undeclared(plan: &Plan, reason: &DenyReason, role: &str, transport: Transport, port: u16) -> Explanation {
    let Some(role) = role_named(plan, role).filter(|_| port != 0) else { return unexplained(reason) };
    // The name is only a proposal, so it must not be one that the role has.
    let mut name = format!("Port{port}");
    while role.endpoints.iter().any(|endpoint| endpoint.name == name) {
        name.push('_');
    }
    let xml = format!("<InternalEndpoint name=\"{name}\" protocol=\"{transport}\" port=\"{port}\" />");
    Explanation {
        reason: reason.to_string(),
        place: Some(role.span.clone()),
        remedy: format!(
            "to allow it, add `{xml}` to the `<Endpoints>` of role {} at {}",
            role.name, role.span
        ),
        xml: Some(xml),
    }
}

/// An address outside. What no rule leads to is not proposed.
fn outside(reason: &DenyReason, target: SocketAddr) -> Explanation {
    let rule = OutboundRule::new(
        OutboundTarget::Addresses(AddressRange::single(target.ip())),
        NonZeroU16::new(target.port()),
    );
    if target.port() == 0 || !rule.leads_to(target) {
        return without_xml(reason, "no rule leads to an address of this kind, or to port 0");
    }
    without_xml(
        reason,
        &format!(
            "to allow it, run with `--allow-outbound {rule}`, or add \"{rule}\" to `allow` in the file of `--host-policy`"
        ),
    )
}

fn without_xml(reason: &DenyReason, remedy: &str) -> Explanation {
    Explanation { reason: reason.to_string(), place: None, remedy: remedy.to_owned(), xml: None }
}

fn unexplained(reason: &DenyReason) -> Explanation {
    without_xml(reason, "nothing in this plan would allow it")
}

fn role_named<'a>(plan: &'a Plan, name: &str) -> Option<&'a PlannedRole> {
    plan.roles.iter().find(|role| role.name.as_str() == name)
}
