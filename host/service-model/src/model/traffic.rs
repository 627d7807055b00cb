//! Traffic rules: which roles may reach an internal endpoint.
//!
//! The readings (facts: section 4, "NetworkTrafficRules", and the open questions 1 to 7): an endpoint that no rule
//! names is open to every role of the service; rules that name it admit the union of their sources; a role that is
//! not among them is kept out even of its own endpoints on other instances; an instance always reaches itself.

use std::collections::BTreeSet;

use super::{EndpointId, RoleId, ServiceModel};
use crate::Span;

/// `OnlyAllowTrafficTo`: some endpoints and the roles that may reach them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrafficRule {
    /// Internal endpoints, each once, at least one.
    pub destinations: BTreeSet<EndpointId>,
    /// Who may reach them.
    pub sources: Sources,
    /// Where the definition has the rule.
    pub span: Span,
}

/// Who a traffic rule admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// `AllowAllTraffic`: every role of the service.
    AllRoles,
    /// `WhenSource`: these roles. An empty set admits nobody.
    Roles(BTreeSet<RoleId>),
}

/// Who may reach an internal endpoint, all rules taken together.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission<'a> {
    /// Every role of the service.
    Everyone,
    /// These roles.
    Only {
        /// The union of the rules' sources.
        roles: BTreeSet<RoleId>,
        /// The rules that name the endpoint, in the order of the definition, at least one.
        rules: Vec<&'a TrafficRule>,
    },
}

impl ServiceModel {
    /// Who may reach an internal endpoint. For an endpoint of another kind the answer has no meaning.
    pub fn admission(&self, endpoint: EndpointId) -> Admission<'_> {
        let names_it = |rule: &&TrafficRule| rule.destinations.contains(&endpoint);
        let rules: Vec<&TrafficRule> = self.rules.iter().filter(names_it).collect();
        let mut union = BTreeSet::new();
        for rule in &rules {
            match &rule.sources {
                Sources::AllRoles => return Admission::Everyone,
                Sources::Roles(roles) => union.extend(roles.iter().copied()),
            }
        }
        if rules.is_empty() { Admission::Everyone } else { Admission::Only { roles: union, rules } }
    }
}
