//! Whether the host lets a role out, and by which rule: the definition knows no such thing.

use std::fmt;

use wasm_roles_service_model::RoleName;
use wasm_roles_virtual_network::policy::{HostRules, OutboundRule};

use super::{ExplainError, role_named};
use crate::Plan;

/// The answers to one question about the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedOutbound {
    /// The role that wants out, as the definition spells it.
    pub from: RoleName,
    /// One for the place that was asked for, or one for each rule of the role; at least one.
    pub answers: Vec<OutboundAnswer>,
}

impl ExplainedOutbound {
    /// Whether every answer is yes.
    pub fn allowed(&self) -> bool {
        self.answers.iter().all(|answer| answer.by.is_some())
    }
}

/// Whether a role may go to a place outside.
///
/// Its `Display` is the verdict, and what would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboundAnswer {
    /// The place; none: anywhere.
    pub place: Option<OutboundRule>,
    /// The rule that leads there.
    pub by: Option<OutboundRule>,
}

impl fmt::Display for OutboundAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match (&self.place, &self.by) {
            (Some(place), Some(by)) if place == by => f.write_str("allowed: a rule of the host says so"),
            (_, Some(by)) => write!(f, "allowed: the rule {by} of the host leads there"),
            (Some(place), None) => write!(
                f,
                "denied: no rule of the host leads there\n  to allow it, run the service with:\n    --allow-outbound {place}"
            ),
            (None, None) => f.write_str(
                "denied: the host lets it go nowhere\n  to allow it, run the service with:\n    --allow-outbound HOST:PORT",
            ),
        }
    }
}

/// Explains where `rules` let instances of role `from` go outside: to `place`, written as a
/// [rule](wasm_roles_virtual_network::policy::outbound) is, or else by every rule that there is.
///
/// A name that is looked up leads to whatever addresses it has then, so an address is only ever allowed by rules with addresses.
///
/// # Errors
/// A role that the definition does not have, or a place that is none.
pub fn explain_outbound(
    plan: &Plan,
    rules: &HostRules,
    from: &str,
    place: Option<&str>,
) -> Result<ExplainedOutbound, ExplainError> {
    let (_, role) = role_named(plan, from)?;
    let own = || rules.of_role(role.name.as_str());
    let answers = match place {
        Some(place) => {
            let place: OutboundRule = place.parse()?;
            let by = own().find(|rule| rule.covers(&place)).cloned();
            vec![OutboundAnswer { place: Some(place), by }]
        }
        None if own().next().is_none() => vec![OutboundAnswer { place: None, by: None }],
        None => {
            own().map(|rule| OutboundAnswer { place: Some(rule.clone()), by: Some(rule.clone()) }).collect()
        }
    };
    Ok(ExplainedOutbound { from: role.name.clone(), answers })
}
