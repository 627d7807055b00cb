//! What the people who run a service decide beside its definition: the way out, and whether the policy is enforced.

use std::collections::BTreeMap;

use super::outbound::OutboundRule;

/// Whether denials inside the deployment are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyMode {
    /// What is not granted fails.
    #[default]
    Enforce,
    /// Between instances of the deployment everything passes, and is reported. The world outside, foreign addresses and
    /// names are denied as ever.
    Log,
}

/// What the host grants. It is about roles by name, so that it outlives a policy: the network puts it on every policy it gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    /// Whether denials inside the deployment are enforced.
    pub mode: PolicyMode,
    everyone: Vec<OutboundRule>,
    roles: BTreeMap<String, Vec<OutboundRule>>,
}

impl HostRules {
    /// Rules of this mode that let nobody out.
    #[must_use]
    pub fn new(mode: PolicyMode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Lets every role out by `rule`.
    pub fn allow(&mut self, rule: OutboundRule) {
        self.everyone.push(rule);
    }

    /// Lets one role out by `rule`. The name is that of the definition, in its spelling.
    pub fn allow_role(&mut self, role: &str, rule: OutboundRule) {
        self.roles.entry(role.to_owned()).or_default().push(rule);
    }

    /// The roles that have rules of their own.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// The rules of a role: those of everyone first.
    pub fn of_role(&self, role: &str) -> impl Iterator<Item = &OutboundRule> {
        self.everyone.iter().chain(self.roles.get(role).into_iter().flatten())
    }

    /// Whether they change nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.mode == PolicyMode::Enforce && self.everyone.is_empty() && self.roles.is_empty()
    }
}
