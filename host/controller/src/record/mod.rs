//! What the host keeps on the disk, so that it can bring everything back after it was killed.
//!
//! ```text
//! <data dir>/wasm-roles-host.lock                  held by the host that uses the folder
//! <data dir>/tenants/<tenant>/incoming/            packages that arrive; emptied at the start
//! <data dir>/tenants/<tenant>/services/<service>/
//!     service.json                                 which deployment is in which slot, and where the slot's public ports listen
//!     deployments/<deployment id>/
//!         deployment.json                          seed, revision, configuration, placement, the operation that was begun
//!         deployment.json.deleted                  the same of one that was deleted while there was no room to write that down
//!         revisions/<n>/                           the packages: the one that runs, the one before, the one of an upgrade
//!         data/                                    the fabric's data folder: local storage
//! ```
//!
//! Both files are replaced as a whole ([`file`]): a reader finds the old one or the new one. Each is the single place of what it says,
//! so that one replacement makes each change: `service.json` deploys, deletes and swaps; `deployment.json` begins and ends an
//! operation. A public address belongs to the slot, not to the deployment: a swap exchanges two names.
//!
//! Each file says its format. One that cannot be read, or is of a newer format, is reported, and nothing below its folder is touched.

pub(crate) mod decide;
pub(crate) mod file;
pub(crate) mod folders;
mod places;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wasm_roles_control_interface::{OperationId, OperationKind, ServiceName, Slot, Timestamp};
use wasm_roles_service_plan::Placement;

pub(crate) use places::Places;

/// The format of both files, which this version writes and the only one that it reads.
pub(crate) const FORMAT: u64 = 1;

/// `service.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceRecord {
    pub(crate) format: u64,
    /// The folder's name has no capital letters.
    pub(crate) service: ServiceName,
    pub(crate) production: Option<SlotRecord>,
    pub(crate) staging: Option<SlotRecord>,
}

/// A slot that has a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlotRecord {
    /// The id of the deployment, which is the name of its folder.
    pub(crate) deployment: String,
    /// Where the slot's public ports listen.
    pub(crate) published: Places,
}

impl ServiceRecord {
    pub(crate) const fn empty(service: ServiceName) -> Self {
        Self { format: FORMAT, service, production: None, staging: None }
    }

    pub(crate) const fn slot(&self, slot: Slot) -> &Option<SlotRecord> {
        match slot {
            Slot::Production => &self.production,
            Slot::Staging => &self.staging,
        }
    }

    pub(crate) const fn slot_mut(&mut self, slot: Slot) -> &mut Option<SlotRecord> {
        match slot {
            Slot::Production => &mut self.production,
            Slot::Staging => &mut self.staging,
        }
    }

    /// The deployments exchange their slots. Addresses stay with the slots.
    pub(crate) fn swap(&mut self) {
        if let (Some(production), Some(staging)) = (&mut self.production, &mut self.staging) {
            std::mem::swap(&mut production.deployment, &mut staging.deployment);
        }
    }
}

/// `deployment.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentRecord {
    pub(crate) format: u64,
    /// The name of its folder: a folder that was copied is another one.
    pub(crate) id: String,
    /// Where the id, and all that is random in it, comes from: 64 hexadecimal digits.
    pub(crate) seed: SeedBytes,
    /// When it was deployed.
    pub(crate) created: Timestamp,
    /// How often a host has brought it back.
    pub(crate) lives: u32,
    /// What runs when no operation is begun.
    pub(crate) current: Target,
    /// What a roll-back goes back to.
    pub(crate) previous: Option<Target>,
    /// Instances that were stopped by order.
    pub(crate) held: BTreeSet<String>,
    /// An operation that was begun and not finished.
    pub(crate) begun: Option<Begun>,
}

/// What a deployment runs, or shall run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// Which of its packages, by the folder's name.
    pub(crate) revision: u64,
    /// The configuration, if it is not the package's own.
    pub(crate) configuration: Option<Configuration>,
    /// Instance counts put over those of the configuration.
    pub(crate) counts: BTreeMap<String, u32>,
    /// Which instances, and where.
    pub(crate) placement: Placement,
}

/// A configuration that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// For messages.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// An operation that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begun {
    pub(crate) id: OperationId,
    pub(crate) kind: OperationKind,
    pub(crate) at: Timestamp,
    /// What it leads to; none: what runs.
    pub(crate) target: Option<Target>,
    /// Of a roll-back: what it takes back that was broken off.
    pub(crate) undoes: Option<Undoes>,
}

/// An operation that was broken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undoes {
    pub(crate) kind: OperationKind,
    /// What it would have led to.
    pub(crate) target: Option<Target>,
}

/// 32 bytes, as hexadecimal digits in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SeedBytes(pub(crate) [u8; 32]);

impl TryFrom<String> for SeedBytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a seed has 64 hexadecimal digits";
        let mut bytes = [0; 32];
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(WRONG);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

impl From<SeedBytes> for String {
    fn from(seed: SeedBytes) -> Self {
        seed.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests;
