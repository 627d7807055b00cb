//! Why one role may reach another one, or may not: before anything runs, from the definition alone.

mod change;
mod outbound;

pub use outbound::{ExplainedOutbound, OutboundAnswer, explain_outbound};

use std::fmt;

use thiserror::Error;
use wasm_roles_service_model::{RoleName, Span, nearest};
use wasm_roles_virtual_network::policy::OutboundRuleError;

use crate::traffic::only;
use crate::{Because, EndpointKind, Plan, PlannedRole, ReachRule, RoleEndpoint, TrafficEntry, Way};

/// The name of the world outside, where a role could stand that wants to talk. A role of this name takes precedence.
pub const INTERNET: &str = "Internet";

/// The answers to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The role that wants to talk, or [`INTERNET`], as the definition spells it.
    pub from: String,
    /// The role that it wants to talk to.
    pub to: RoleName,
    /// One for each endpoint asked for, in the order of the definition; at least one.
    pub answers: Vec<Answer>,
}

impl Explained {
    /// Whether every answer is yes.
    pub fn allowed(&self) -> bool {
        self.answers.iter().all(|answer| answer.allowed)
    }
}

/// Whether an endpoint can be reached, and why.
///
/// Its `Display` is the verdict, the reason and the change, each a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The endpoint; `None` when the target declares none, so that nothing can be reached.
    pub endpoint: Option<String>,
    /// Whether it can be reached.
    pub allowed: bool,
    /// One sentence: by which rule, at which line.
    pub reason: String,
    /// What decides it: a rule, else the declaration of the endpoint or role.
    pub place: Span,
    /// What would turn the answer round.
    pub change: Change,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.allowed { "allowed" } else { "denied" };
        if let Some(endpoint) = &self.endpoint {
            write!(f, "{endpoint}: ")?;
        }
        write!(f, "{verdict}: {}\n  {}:", self.reason, self.change.what)?;
        self.change.xml.lines().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// A change of the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What to do with the XML, and where, e.g. "to deny it, remove this from the rule at …".
    pub what: String,
    /// The XML to add or to remove, one or more lines.
    pub xml: String,
}

/// A question about something that the definition does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// No role has this name.
    #[error("the definition has no role {name}{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownRole {
        /// The name as it was asked for.
        name: String,
        /// The role with the most similar name.
        nearest: Option<String>,
        /// Every role.
        known: Vec<String>,
    },
    /// The role has no endpoint of this name.
    #[error("role {role} has no endpoint {name}{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownEndpoint {
        /// The role.
        role: String,
        /// The name as it was asked for.
        name: String,
        /// The endpoint with the most similar name.
        nearest: Option<String>,
        /// Every endpoint of the role.
        known: Vec<String>,
    },
    /// A place outside that is none.
    #[error("after `{INTERNET}:` comes a place outside: {0}")]
    Place(#[from] OutboundRuleError),
}

fn did_you_mean(nearest: Option<&str>, known: &[String]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("; did you mean {nearest}?"),
        (None, []) => "; it has none".to_owned(),
        (None, known) => format!("; it has {}", known.join(", ")),
    }
}

/// Explains whether instances of role `from` may reach instances of role `to`, on one endpoint or on each.
///
/// `from` may be [`INTERNET`]. Names are those of the definition; case of ASCII letters does not matter where only
/// one thing fits.
///
/// # Errors
/// A name that the definition does not have; the error proposes the nearest one.
pub fn explain(plan: &Plan, from: &str, to: &str, endpoint: Option<&str>) -> Result<Explained, ExplainError> {
    let target = role_named(plan, to)?;
    let endpoints = match endpoint {
        Some(name) => vec![endpoint_named(target.1, name)?],
        None => target.1.endpoints.iter().collect(),
    };
    let source = match role_named(plan, from) {
        Ok(role) => Some(role),
        Err(_) if from.eq_ignore_ascii_case(INTERNET) => None,
        Err(error) => return Err(error),
    };
    let answer = |endpoint: &&RoleEndpoint| match source {
        Some(source) => between_roles(plan, source, target, endpoint),
        None => from_outside(plan, target.1, endpoint),
    };
    let mut answers: Vec<Answer> = endpoints.iter().map(answer).collect();
    if answers.is_empty() {
        answers.push(nothing_to_reach(plan, target.1, source.is_none()));
    }
    let from = source.map_or(INTERNET, |(_, role)| role.name.as_str()).to_owned();
    Ok(Explained { from, to: target.1.name.clone(), answers })
}

fn role_named<'a>(plan: &'a Plan, name: &str) -> Result<(usize, &'a PlannedRole), ExplainError> {
    let roles = || plan.roles.iter().enumerate();
    let exact = roles().find(|(_, role)| role.name.as_str() == name);
    exact.or_else(|| roles().find(|(_, role)| role.name.as_str().eq_ignore_ascii_case(name))).ok_or_else(
        || {
            let known = || plan.roles.iter().map(|role| role.name.as_str());
            ExplainError::UnknownRole {
                name: name.to_owned(),
                nearest: nearest(name, known()).map(str::to_owned),
                known: known().map(str::to_owned).collect(),
            }
        },
    )
}

fn endpoint_named<'a>(role: &'a PlannedRole, name: &str) -> Result<&'a RoleEndpoint, ExplainError> {
    let find = |fits: &dyn Fn(&str) -> bool| role.endpoints.iter().find(|endpoint| fits(&endpoint.name));
    // Names that differ in case only are two endpoints, so the exact one comes first.
    find(&|known| known == name).or_else(|| find(&|known| known.eq_ignore_ascii_case(name))).ok_or_else(
        || {
            let known = || role.endpoints.iter().map(|endpoint| endpoint.name.as_str());
            ExplainError::UnknownEndpoint {
                role: role.name.to_string(),
                name: name.to_owned(),
                nearest: nearest(name, known()).map(str::to_owned),
                known: known().map(str::to_owned).collect(),
            }
        },
    )
}

/// A role with its position in the plan.
type Placed<'a> = (usize, &'a PlannedRole);

fn between_roles(plan: &Plan, source: Placed<'_>, target: Placed<'_>, endpoint: &RoleEndpoint) -> Answer {
    let entry = &plan.entry(source, target, endpoint);
    let (from, to, name) = (entry.from, entry.to, &endpoint.name);
    let declared = &endpoint.span;
    let place = entry.span().unwrap_or(declared).clone();
    let (reason, change) = match &entry.because {
        Because::Public => (
            format!("{} endpoint {name} of {to} at {declared} is open to every role", entry.endpoint.kind),
            change::becomes_internal(entry.endpoint),
        ),
        Because::NoRule => (
            format!("no traffic rule names endpoint {name} of {to}, so {from} may reach it like every role"),
            change::closes(to, name),
        ),
        Because::AllTraffic { rule } => (
            format!("the traffic rule at {rule} admits every role to endpoint {name} of {to}"),
            change::replaces_all_traffic(rule),
        ),
        Because::Listed { rule } => (
            format!("the traffic rule at {} lists {from} for endpoint {name} of {to}", rule.span),
            change::unlists(rule, entry),
        ),
        Because::NotListed { rules, admitted, except } => {
            (not_listed(entry, rules, admitted, *except), change::lists(rules, entry))
        }
        Because::SharedPorts { through } => (
            format!(
                "endpoint {} of {to} admits {from} and has port {} too, so the traffic rules for {name} cannot close it",
                through.endpoint, through.port
            ),
            closes_the_other(plan, source, target, through),
        ),
    };
    Answer { endpoint: Some(name.clone()), allowed: entry.allowed, reason, place, change }
}

fn not_listed(
    entry: &TrafficEntry<'_>,
    rules: &[ReachRule],
    admitted: &[RoleName],
    except: Option<Way<'_>>,
) -> String {
    let (from, to, name) = (entry.from, entry.to, &entry.endpoint.name);
    let places: Vec<String> = rules.iter().map(|rule| rule.span.to_string()).collect();
    let verb = if places.len() == 1 { "rule at {} admits" } else { "rules at {} admit" };
    let rules = verb.replace("{}", &places.join(", "));
    let mut reason = format!("the traffic {rules} {} to endpoint {name} of {to}", only(admitted));
    if from == to {
        reason.push_str("; an instance reaches itself, but no other instance of its role");
    }
    if let Some(Way { endpoint, port }) = except {
        reason.push_str(&format!("; endpoint {endpoint} opens port {port} of it all the same"));
    }
    reason
}

/// What closes the endpoint that opens a port of another one.
fn closes_the_other(plan: &Plan, source: Placed<'_>, target: Placed<'_>, through: &Way<'_>) -> Change {
    let what = "give the endpoints ports of their own";
    // The other endpoint admits the role by itself, so its answer does not lead on to a third one.
    match target.1.endpoints.iter().find(|endpoint| endpoint.name == through.endpoint) {
        Some(other) => {
            let Change { what: close, xml } = between_roles(plan, source, target, other).change;
            Change { what: format!("{close}; or {what}"), xml }
        }
        None => Change { what: what.to_owned(), xml: String::new() },
    }
}

fn from_outside(plan: &Plan, role: &PlannedRole, endpoint: &RoleEndpoint) -> Answer {
    let (to, name, place) = (&role.name, &endpoint.name, &endpoint.span);
    let (reason, change) = match (endpoint.kind, endpoint.public_port) {
        (EndpointKind::Internal, _) => (
            format!(
                "endpoint {name} of {to} at {place} is an internal endpoint, for the roles of this service only"
            ),
            change::opens_beside(plan, role, endpoint),
        ),
        (EndpointKind::Input, Some(port)) => (
            format!("input endpoint {name} of {to} at {place} listens on public port {port}"),
            change::becomes_internal(endpoint),
        ),
        (EndpointKind::Input | EndpointKind::InstanceInput, _) => (
            format!("instance-input endpoint {name} of {to} at {place} has a public port for each instance"),
            change::becomes_internal(endpoint),
        ),
    };
    let allowed = endpoint.kind != EndpointKind::Internal;
    Answer { endpoint: Some(name.clone()), allowed, reason, place: place.clone(), change }
}

fn nothing_to_reach(plan: &Plan, role: &PlannedRole, outside: bool) -> Answer {
    Answer {
        endpoint: None,
        allowed: false,
        reason: format!("role {} at {} declares no endpoint", role.name, role.span),
        place: role.span.clone(),
        change: change::first_endpoint(plan, role, outside),
    }
}
