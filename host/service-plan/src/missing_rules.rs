//! From what a service did without being allowed to, to the definition that allows it.
//!
//! A service that runs with its policy only logged shows what its definition lacks. [`missing_rules`] writes that down as
//! XML for the definition: the endpoints that were used and not declared, and one traffic rule for each set of roles that need
//! to be let in. It allows what was seen and not more: an endpoint that is new admits the roles that were seen to use it, and nobody
//! when none was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use wasm_roles_virtual_network::policy::{DenyReason, Transport};

use crate::Plan;
use crate::xml::attribute_value;

/// What to add to a definition.
///
/// Its `Display` is all of it with words about where it belongs, as a comment where XML has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingRules {
    /// For the `<Endpoints>` of a role: the role and the elements, a line each. In the order of the roles' names.
    pub endpoints: Vec<(String, String)>,
    /// One `<NetworkTrafficRules>` element, for the end of the `<ServiceDefinition>`. A definition that has such an element can
    /// take the rules in it instead.
    pub rules: String,
}

impl fmt::Display for MissingRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (role, endpoints) in &self.endpoints {
            writeln!(f, "<!-- in the <Endpoints> of role {role} -->\n{endpoints}")?;
        }
        write!(
            f,
            "<!-- at the end of the definition, or its rules in the <NetworkTrafficRules> that is there -->\n{}",
            self.rules
        )
    }
}

/// An endpoint: its role and its name.
type Destination = (String, String);

/// What was seen, sorted.
#[derive(Default)]
struct Needs {
    /// Ports that a role does not declare.
    ports: BTreeSet<(String, Transport, u16)>,
    /// The roles that each endpoint must let in.
    sources: BTreeMap<Destination, BTreeSet<String>>,
}

/// The rules that would allow what was seen: pairs of a role and why it would have been denied. `None` when no rule would
/// allow any of it, or nothing was seen.
pub fn missing_rules<'a>(
    plan: &Plan,
    seen: impl IntoIterator<Item = (&'a str, &'a DenyReason)>,
) -> Option<MissingRules> {
    let mut needs = Needs::default();
    for (from, reason) in seen {
        needs.add(plan, from, reason);
    }
    (!needs.sources.is_empty())
        .then(|| MissingRules { endpoints: needs.endpoints(plan), rules: needs.rules() })
}

impl Needs {
    fn add(&mut self, plan: &Plan, from: &str, reason: &DenyReason) {
        match reason {
            DenyReason::TrafficRule { role, endpoint, .. } => self.admit(role, endpoint, Some(from)),
            DenyReason::NoSuchEndpoint { role, transport, port } if *port != 0 => {
                let endpoint = self.port(plan, role, *transport, *port);
                self.admit(role, &endpoint, Some(from));
            }
            DenyReason::UndeclaredPort { role, transport, port } if *port != 0 => {
                let endpoint = self.port(plan, role, *transport, *port);
                self.admit(role, &endpoint, None);
            }
            _ => {}
        }
    }

    /// Notes a port that a role needs, and gives the name of its endpoint.
    fn port(&mut self, plan: &Plan, role: &str, transport: Transport, port: u16) -> String {
        self.ports.insert((role.to_owned(), transport, port));
        name_of(plan, role, transport, port)
    }

    fn admit(&mut self, role: &str, endpoint: &str, from: Option<&str>) {
        let sources = self.sources.entry((role.to_owned(), endpoint.to_owned())).or_default();
        sources.extend(from.map(str::to_owned));
    }

    fn endpoints(&self, plan: &Plan) -> Vec<(String, String)> {
        let mut of_roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (role, transport, port) in &self.ports {
            let name = attribute_value(&name_of(plan, role, *transport, *port));
            let line =
                format!("<InternalEndpoint name=\"{name}\" protocol=\"{transport}\" port=\"{port}\" />");
            of_roles.entry(role).or_default().push(line);
        }
        of_roles.into_iter().map(|(role, lines)| (role.to_owned(), lines.join("\n"))).collect()
    }

    /// One rule for all endpoints that let in the same roles.
    fn rules(&self) -> String {
        let mut by_sources: BTreeMap<&BTreeSet<String>, Vec<&Destination>> = BTreeMap::new();
        for (destination, sources) in &self.sources {
            by_sources.entry(sources).or_default().push(destination);
        }
        let rules: String = by_sources.into_iter().map(|(sources, to)| rule(sources, &to)).collect();
        format!("<NetworkTrafficRules>\n{rules}</NetworkTrafficRules>")
    }
}

fn rule(sources: &BTreeSet<String>, destinations: &[&Destination]) -> String {
    let to = |(role, endpoint): &&Destination| {
        let (role, endpoint) = (attribute_value(role), attribute_value(endpoint));
        format!("      <RoleEndpoint roleName=\"{role}\" endpointName=\"{endpoint}\" />\n")
    };
    let from = |role: &String| format!("      <FromRole roleName=\"{}\" />\n", attribute_value(role));
    let destinations: String = destinations.iter().map(to).collect();
    let sources: String = sources.iter().map(from).collect();
    format!(
        "  <OnlyAllowTrafficTo>\n    <Destinations>\n{destinations}    </Destinations>\n    \
         <WhenSource matches=\"AnyRule\">\n{sources}    </WhenSource>\n  </OnlyAllowTrafficTo>\n"
    )
}

/// The name of a new endpoint, which is one that the role does not have.
fn name_of(plan: &Plan, role: &str, transport: Transport, port: u16) -> String {
    let mut name = match transport {
        Transport::Tcp => format!("Port{port}"),
        Transport::Udp => format!("Port{port}Udp"),
    };
    let role = plan.roles.iter().find(|known| known.name.as_str() == role);
    let endpoints = || role.into_iter().flat_map(|role| &role.endpoints);
    while endpoints().any(|endpoint| endpoint.name == name) {
        name.push('_');
    }
    name
}
