//! Operations: running changes of a deployment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::{DeploymentRef, NameError, TenantName, on_the_wire_as_text};
use crate::refusal::Refusal;
use crate::timestamp::Timestamp;

/// The id of an operation, unique in a host as long as it runs; in its later lives too, unless it is given the same seed again. On
/// the wire 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationId(pub u64);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for OperationId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number
            .map(Self)
            .ok_or_else(|| NameError::new(text, "operation", "it has 16 small hexadecimal digits"))
    }
}

on_the_wire_as_text!(OperationId);

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// A package becomes a deployment.
    Deploy,
    /// Another configuration.
    Update,
    /// Other numbers of instances.
    Scale,
    /// Another package.
    Upgrade,
    /// Back to what ran before the last update or upgrade.
    Rollback,
    /// The two slots exchange their public addresses.
    Swap,
    /// Instances stop and start again.
    Recycle,
    /// Instances stop.
    Stop,
    /// Stopped instances start.
    Start,
    /// The deployment goes.
    Delete,
    /// The host was started again and brings the deployment back.
    Recover,
}

impl OperationKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Deploy,
        Self::Update,
        Self::Scale,
        Self::Upgrade,
        Self::Rollback,
        Self::Swap,
        Self::Recycle,
        Self::Stop,
        Self::Start,
        Self::Delete,
        Self::Recover,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Update => "update",
            Self::Scale => "scale",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Swap => "swap",
            Self::Recycle => "recycle",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Delete => "delete",
            Self::Recover => "recover",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    /// It is under way.
    Running,
    /// It is under way, and waits for somebody to walk the next upgrade domain.
    Waiting,
    /// It has done what was asked for.
    Done,
    /// It has ended without that. `failure` says why, and what is there now.
    Failed,
    /// It could not be done, and what ran before runs again. `failure` says why.
    RolledBack,
}

impl OperationState {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Running, Self::Waiting, Self::Done, Self::Failed, Self::RolledBack];

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::RolledBack)
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
        }
    }
}

impl fmt::Display for OperationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A running change of a deployment, or one that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Whose it is.
    pub tenant: TenantName,
    /// The slot that it was asked for. Of a swap: production.
    pub deployment: DeploymentRef,
    /// How far it is.
    pub state: OperationState,
    /// When it was begun.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it does now, or what it has done: one short sentence for people, such as `walks upgrade domain 2 of 5`.
    pub message: String,
    /// How far its walk is; none for an operation that does not go through upgrade domains.
    pub progress: Option<WalkProgress>,
    /// Why it is [`Failed`](OperationState::Failed) or [`RolledBack`](OperationState::RolledBack).
    pub failure: Option<Refusal>,
}

/// How far a walk through upgrade domains is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkProgress {
    /// The upgrade domain whose turn it is, from 0; none before the first and after the last. Under
    /// [`Waiting`](OperationState::Waiting): the one that somebody has to walk next.
    pub domain: Option<u32>,
    /// How many there are.
    pub domains: u32,
    /// Every instance that the walk concerns, in the order of the plan.
    pub instances: Vec<InstanceProgress>,
}

impl WalkProgress {
    /// How many instances have what is new.
    #[must_use]
    pub fn walked(&self) -> usize {
        self.instances.iter().filter(|instance| instance.generation == Generation::New).count()
    }
}

/// How far one instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProgress {
    /// Its id, such as `WebRole1_IN_0`.
    pub instance: String,
    /// Its upgrade domain.
    pub domain: u32,
    /// What it runs with.
    pub generation: Generation,
    /// How it took the change, in words such as `accepted` or `recycled, because it refused`; none: it was not asked yet.
    pub reaction: Option<String>,
}

/// What an instance runs with: never something in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// What was there before the walk.
    Old,
    /// What the walk brings.
    New,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_digits_both_ways() {
        let id = OperationId(0xbeef);
        assert_eq!(id.to_string(), "000000000000beef");
        assert_eq!("000000000000beef".parse(), Ok(id));
        for wrong in ["", "beef", "000000000000BEEF", "+00000000000beef", "00000000000000000"] {
            assert!(wrong.parse::<OperationId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for state in [
            OperationState::Running,
            OperationState::Waiting,
            OperationState::Done,
            OperationState::Failed,
            OperationState::RolledBack,
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
        for kind in [OperationKind::Deploy, OperationKind::Rollback, OperationKind::Recover] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
