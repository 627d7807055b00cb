//! The names that a deployment has: `<role>`, `<instance id>` and `<n>.<role>`, where n is the ordinal of an
//! instance, and the name of its public side. ASCII letters compare without case, as in every name service, and a dot at the
//! end says nothing: it makes a name no other one.

use std::collections::BTreeMap;

use super::{InstanceIndex, RoleIndex};

/// The longest name that DNS knows, in bytes. A longer one is nobody's.
const LONGEST: usize = 253;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// All instances of a role.
    Role(RoleIndex),
    /// One instance.
    Instance(InstanceIndex),
    /// The deployment's public side.
    PublicSide,
}

/// All names of a deployment.
#[derive(Clone, Debug, Default)]
pub(super) struct NameTable {
    names: BTreeMap<Box<str>, Named>,
}

impl NameTable {
    /// Adds a name; false when the name stands for something else already.
    #[must_use]
    pub(super) fn add(&mut self, name: &str, named: Named) -> bool {
        *self.names.entry(name.to_ascii_lowercase().into()).or_insert(named) == named
    }

    /// What `name` stands for.
    pub(super) fn find(&self, name: &str) -> Option<Named> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > LONGEST {
            return None;
        }
        self.names.get(name.to_ascii_lowercase().as_str()).copied()
    }
}
