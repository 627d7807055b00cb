//! What the interface is asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How an update or upgrade goes through the upgrade domains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateMode {
    /// By itself, one after the other.
    #[default]
    Auto,
    /// Somebody walks each of them (facts: section 7.5, "Management modes").
    Manual,
}

/// The body of `POST …/configuration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// The name of the configuration file, for messages.
    pub name: String,
    /// The text of the configuration.
    pub configuration: String,
}

/// The body of `POST …/scale`. What is named nowhere stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleRequest {
    /// How many instances roles shall have. Those with the highest numbers go first.
    #[serde(default)]
    pub roles: BTreeMap<String, u32>,
    /// Instances that shall go, by id. A role with such an instance must not be among `roles`, or there with the number that is left.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The query of `POST …/upgrade`; its body is a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeQuery {
    /// How it goes through the upgrade domains.
    #[serde(default)]
    pub mode: UpdateMode,
    /// How long the instances of an upgrade domain may take to be Ready, in seconds, before the upgrade is taken back. Default: 1800
    /// (facts: section 7.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<u64>,
}

/// The body of `POST …/walk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkRequest {
    /// The upgrade domain to walk now, from 0.
    pub domain: u32,
}

/// The body of `POST …/recycle`, `…/stop` and `…/start`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRequest {
    /// Roles and instances by their names. Empty: all instances.
    #[serde(default)]
    pub targets: Vec<String>,
}

/// The query of `GET …/operations/{id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Answer when the operation is over or waits for somebody, at the latest after so many seconds. Default 0: at once. More than 60
    /// are 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
}

/// The query of `GET …/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainQuery {
    /// The role that wants to talk, or `Internet`.
    pub from: String,
    /// The role that it wants to talk to, or `Internet`.
    pub to: String,
    /// One endpoint of that role, or a place outside; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}
