//! The XML that would turn an answer round.

use wasm_roles_service_model::{RoleName, Span};

use super::Change;
use crate::xml::attribute_value;
use crate::{Plan, PlannedRole, Protocol, ReachRule, RoleEndpoint, TrafficEntry};

/// The first public port to propose: an endpoint for people to try, as other tools propose it.
const FIRST_PROPOSED: u16 = 8080;

/// A rule that closes an endpoint.
pub(super) fn closes(to: &RoleName, endpoint: &str) -> Change {
    change(
        "to deny it, add this to `<NetworkTrafficRules>`, with a `<FromRole>` for each role that stays allowed",
        new_rule(to, endpoint, None),
    )
}

/// Closes a rule that admits every role.
pub(super) fn replaces_all_traffic(rule: &Span) -> Change {
    change(
        &format!(
            "to deny it, put this in the place of `<AllowAllTraffic />` in the rule at {rule}, with a `<FromRole>` for \
             each role that stays allowed"
        ),
        "<WhenSource matches=\"AnyRule\">\n</WhenSource>".to_owned(),
    )
}

/// Takes the role out of the rules that list it.
pub(super) fn unlists(rule: &ReachRule, entry: &TrafficEntry<'_>) -> Change {
    let too = if rule.other_endpoints > 0 { "; what else those rules name is closed to it too" } else { "" };
    let what = format!(
        "to deny it, remove this from the `<WhenSource>` of every rule for {}{too}",
        entry.endpoint.name
    );
    change(&what, from_role(entry.from))
}

/// What lists the role for this endpoint and opens nothing else.
pub(super) fn lists(rules: &[ReachRule], entry: &TrafficEntry<'_>) -> Change {
    match rules.iter().find(|rule| rule.other_endpoints == 0) {
        Some(rule) => change(
            &format!("to allow it, add this to the `<WhenSource>` of the rule at {}", rule.span),
            from_role(entry.from),
        ),
        None => change(
            "to allow it and nothing else, add this to `<NetworkTrafficRules>`, since rules add up and the one there is \
             for other endpoints too",
            new_rule(entry.to, &entry.endpoint.name, Some(entry.from)),
        ),
    }
}

/// Traffic rules do not limit public endpoints, so only another kind of endpoint can.
pub(super) fn becomes_internal(endpoint: &RoleEndpoint) -> Change {
    let what = "to deny it, make it an internal endpoint, which traffic rules can restrict";
    let name = attribute_value(&endpoint.name);
    let (protocol, port) = (internal_protocol(endpoint), endpoint.port);
    change(what, format!("<InternalEndpoint name=\"{name}\" protocol=\"{protocol}\" port=\"{port}\" />"))
}

fn internal_protocol(endpoint: &RoleEndpoint) -> Protocol {
    match endpoint.protocol {
        Protocol::Https => Protocol::Tcp,
        other => other,
    }
}

/// An input endpoint beside an internal one.
pub(super) fn opens_beside(plan: &Plan, role: &PlannedRole, endpoint: &RoleEndpoint) -> Change {
    let mut name = format!("{}Public", endpoint.name);
    while role.endpoints.iter().any(|other| other.name == name) {
        name.push('_');
    }
    let protocol = match endpoint.protocol {
        Protocol::Any => Protocol::Tcp,
        other => other,
    };
    change(
        &format!("to allow it, add an input endpoint to the `<Endpoints>` of role {}", role.name),
        input_endpoint(&name, protocol, proposed_port(plan, role)),
    )
}

/// An endpoint for a role that has none.
pub(super) fn first_endpoint(plan: &Plan, role: &PlannedRole, outside: bool) -> Change {
    let xml = match outside {
        true => input_endpoint("Input1", Protocol::Tcp, proposed_port(plan, role)),
        false => "<InternalEndpoint name=\"Internal1\" protocol=\"tcp\" />".to_owned(),
    };
    change(&format!("to allow it, add an endpoint to the `<Endpoints>` of role {}, such as", role.name), xml)
}

fn input_endpoint(name: &str, protocol: Protocol, port: u16) -> String {
    format!("<InputEndpoint name=\"{}\" protocol=\"{protocol}\" port=\"{port}\" />", attribute_value(name))
}

/// A port that no public port of the service has, since all roles share the public address, and that no endpoint of
/// the role has, whose traffic rules the new endpoint would make useless.
fn proposed_port(plan: &Plan, role: &PlannedRole) -> u16 {
    /// Enough to find one where people name ports by hand.
    const TRIED: usize = 1000;
    let ranges = || role.endpoints.iter().flat_map(|endpoint| &endpoint.ranges);
    let is_public = |port: u16| plan.public.iter().any(|public| public.port.get() == port);
    let is_local =
        |port: u16| ranges().any(|range| (range.first().get()..=range.last().get()).contains(&port));
    let tried = || (FIRST_PROPOSED..=u16::MAX).take(TRIED);
    let free = tried().find(|port| !is_public(*port) && !is_local(*port));
    free.or_else(|| tried().find(|port| !is_public(*port))).unwrap_or(FIRST_PROPOSED)
}

fn change(what: &str, xml: String) -> Change {
    Change { what: what.to_owned(), xml }
}

fn from_role(from: &RoleName) -> String {
    format!("<FromRole roleName=\"{}\" />", attribute_value(from.as_str()))
}

/// A rule for an endpoint that admits one role, or nobody.
fn new_rule(to: &RoleName, endpoint: &str, from: Option<&RoleName>) -> String {
    let (to, endpoint) = (attribute_value(to.as_str()), attribute_value(endpoint));
    let source = from.map(|from| format!("    {}\n", from_role(from))).unwrap_or_default();
    format!(
        "<OnlyAllowTrafficTo>\n  <Destinations>\n    <RoleEndpoint roleName=\"{to}\" endpointName=\"{endpoint}\" />\n  \
         </Destinations>\n  <WhenSource matches=\"AnyRule\">\n{source}  </WhenSource>\n</OnlyAllowTrafficTo>"
    )
}
