//! The roles and endpoints of a definition by name, so that looking one up takes no longer in a big file.

use std::collections::HashMap;

use crate::definition::{WrittenDefinition, WrittenEndpoint, WrittenRole};
use crate::{EndpointId, RoleId};

/// Roles and endpoints by name; of several with the same name, which was reported, the first.
pub(super) struct Index<'a> {
    pub(super) definition: &'a WrittenDefinition,
    roles: HashMap<&'a str, RoleId>,
    endpoints: HashMap<(RoleId, &'a str), usize>,
}

impl<'a> Index<'a> {
    pub(super) fn of(definition: &'a WrittenDefinition) -> Self {
        let mut roles = HashMap::new();
        let mut endpoints = HashMap::new();
        for (position, role) in definition.roles.iter().enumerate() {
            let id = RoleId(position);
            roles.entry(role.name.value.as_str()).or_insert(id);
            for (position, endpoint) in role.endpoints.iter().enumerate() {
                endpoints.entry((id, endpoint.name.value.as_str())).or_insert(position);
            }
        }
        Index { definition, roles, endpoints }
    }

    pub(super) fn role(&self, name: &str) -> Option<(RoleId, &'a WrittenRole)> {
        let id = *self.roles.get(name)?;
        Some((id, self.definition.roles.get(id.0)?))
    }

    pub(super) fn endpoint(&self, role: RoleId, name: &str) -> Option<(EndpointId, &'a WrittenEndpoint)> {
        let position = *self.endpoints.get(&(role, name))?;
        let endpoint = self.definition.roles.get(role.0)?.endpoints.get(position)?;
        Some((EndpointId { role, position }, endpoint))
    }
}
