//! What an upgrade may change while the instances run (facts: section 7.7).
//!
//! | | in place |
//! |---|---|
//! | code, settings (names and values), certificates, instance counts, traffic rules | yes |
//! | roles added or removed; a role that has another name is one removed and one added | yes |
//! | endpoints: number, kind, protocol, ports | yes |
//! | `vmsize` | yes; the instances of the role lose what they have stored |
//! | local storage | larger or added: yes. Smaller or removed: no |
//! | `upgradeDomainCount`, the service's name | no |
//!
//! What is not possible in place can be had by deploying to the other slot and swapping, or by deleting the deployment and
//! deploying anew.

use std::num::NonZeroU32;

use thiserror::Error;
use wasm_roles_service_model::RoleName;

use crate::{Plan, PlannedRole};

/// What an upgrade in place changes of the roles. Each list is in the order of its definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InPlace {
    /// Roles that the new definition has and the old one has not.
    pub added: Vec<RoleName>,
    /// Roles that go, with all that their instances have stored.
    pub removed: Vec<RoleName>,
    /// Roles that get another `vmsize`: their instances start with empty local stores.
    pub loses_data: Vec<RoleName>,
}

/// Why a deployment cannot be upgraded in place. [`hint`](Self::hint) says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotInPlace {
    /// The definition is one of another service.
    #[error("the service is called {new} in the new definition and {old} in the one that runs")]
    ServiceName {
        /// The service that runs.
        old: String,
        /// The name in the new definition.
        new: String,
    },
    /// The instances are spread over another number of domains.
    #[error("upgradeDomainCount would change from {old} to {new}, which moves instances to other domains")]
    UpgradeDomains {
        /// The domains of the deployment that runs.
        old: NonZeroU32,
        /// Those of the new definition.
        new: NonZeroU32,
    },
    /// A local store is smaller than before.
    #[error(
        "local storage {store} of role {role} would shrink from {old_mb} to {new_mb} MB, and it may hold more"
    )]
    StoreShrinks {
        /// The role.
        role: RoleName,
        /// The local store.
        store: String,
        /// Its size now, in units of 1,048,576 bytes.
        old_mb: u32,
        /// Its size in the new definition, in the same units.
        new_mb: u32,
    },
    /// A local store is not there any more.
    #[error("local storage {store} of role {role} ({old_mb} MB) would be removed, with what is in it")]
    StoreRemoved {
        /// The role.
        role: RoleName,
        /// The local store.
        store: String,
        /// Its size now, in units of 1,048,576 bytes.
        old_mb: u32,
    },
}

impl NotInPlace {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        const ELSE: &str =
            "deploy it to the other slot and swap, or delete the deployment and deploy it anew";
        match self {
            Self::ServiceName { old, .. } => {
                format!("upgrade with the definition of {old}, or deploy this one as a service of its own")
            }
            Self::UpgradeDomains { old, .. } => format!("leave upgradeDomainCount at {old}; else {ELSE}"),
            Self::StoreShrinks { store, old_mb, .. } => {
                format!("give {store} {old_mb} MB or more; else {ELSE}")
            }
            Self::StoreRemoved { store, .. } => format!("leave {store} in the definition; else {ELSE}"),
        }
    }

    /// The role that it is about; none when it is about the service.
    #[must_use]
    pub const fn role(&self) -> Option<&RoleName> {
        match self {
            Self::StoreShrinks { role, .. } | Self::StoreRemoved { role, .. } => Some(role),
            Self::ServiceName { .. } | Self::UpgradeDomains { .. } => None,
        }
    }

    /// The value that runs and the new one, as people read them; a store that is removed has no new one.
    #[must_use]
    pub fn values(&self) -> (String, Option<String>) {
        match self {
            Self::ServiceName { old, new } => (old.clone(), Some(new.clone())),
            Self::UpgradeDomains { old, new } => (old.to_string(), Some(new.to_string())),
            Self::StoreShrinks { old_mb, new_mb, .. } => {
                (format!("{old_mb} MB"), Some(format!("{new_mb} MB")))
            }
            Self::StoreRemoved { old_mb, .. } => (format!("{old_mb} MB"), None),
        }
    }
}

/// Whether the instances of `old` can be led to `new` while the deployment runs, and what that changes of the roles. See the
/// [module](self).
///
/// # Errors
/// Everything that stands against it, at least one: of the service first, then by role in the order of the definition.
pub fn in_place(old: &Plan, new: &Plan) -> Result<InPlace, Vec<NotInPlace>> {
    let mut against = Vec::new();
    if old.service != new.service {
        against.push(NotInPlace::ServiceName { old: old.service.clone(), new: new.service.clone() });
    }
    if old.upgrade_domains != new.upgrade_domains {
        against.push(NotInPlace::UpgradeDomains { old: old.upgrade_domains, new: new.upgrade_domains });
    }
    let mut found = InPlace::default();
    for before in &old.roles {
        match new.role(&before.name) {
            None => found.removed.push(before.name.clone()),
            Some(after) if after.vm_size != before.vm_size => {
                against.extend(stores_against(before, after));
                found.loses_data.push(before.name.clone());
            }
            Some(after) => against.extend(stores_against(before, after)),
        }
    }
    let is_new = |role: &&PlannedRole| old.role(&role.name).is_none();
    found.added = new.roles.iter().filter(is_new).map(|role| role.name.clone()).collect();
    if against.is_empty() { Ok(found) } else { Err(against) }
}

fn stores_against(before: &PlannedRole, after: &PlannedRole) -> Vec<NotInPlace> {
    let mut against = Vec::new();
    for old in &before.local_resources {
        let (role, store, old_mb) = (before.name.clone(), old.name.to_string(), old.size_mb);
        match after.local_resources.iter().find(|new| new.name == old.name) {
            None => against.push(NotInPlace::StoreRemoved { role, store, old_mb }),
            Some(new) if new.size_mb < old_mb => {
                against.push(NotInPlace::StoreShrinks { role, store, old_mb, new_mb: new.size_mb });
            }
            Some(_) => {}
        }
    }
    against
}
