//! The host itself.

use serde::{Deserialize, Serialize};

use crate::names::TenantName;
use crate::refusal::Detail;
use crate::timestamp::Timestamp;

/// The answer to `GET /v1/host`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// The version of the program.
    pub version: String,
    /// Its clock when it answered.
    pub now: Timestamp,
    /// When it was started.
    pub since: Timestamp,
    /// For whom it answers.
    pub tenant: TenantName,
    /// Whether what it holds survives its end.
    pub persistent: bool,
    /// Whether it still brings back what it had before it was started. Until then nothing can be changed.
    pub recovering: bool,
    /// The tenant's own usage; for the host's owner that of all tenants.
    pub tenants: Vec<TenantUsage>,
    /// What somebody should look at: files that cannot be read, deployments that did not come back. The owner sees those of all
    /// tenants.
    pub problems: Vec<Detail>,
}

/// What a tenant uses, and may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantUsage {
    /// The tenant.
    pub tenant: TenantName,
    /// Its deployments.
    pub deployments: u64,
    /// Its instances.
    pub instances: Usage,
    /// The memory limits of its instances together, in bytes.
    pub memory_bytes: Usage,
    /// Its public ports.
    pub public_ports: Usage,
}

/// A number and its cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How much there is.
    pub used: u64,
    /// How much there may be; none: as much as there is room for.
    pub cap: Option<u64>,
}
