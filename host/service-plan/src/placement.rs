//! What a deployment keeps when it is planned again: the numbers of its instances, their addresses, and the ports that were chosen
//! for endpoints.
//!
//! A [`Placement`] is the part of a plan that does not come from the two files but from the deployment's past. With the files and
//! the placement [`plan_placed`] makes the same plan again, after the host was started anew. It is written as
//!
//! ```json
//! { "roles": { "Web": { "ports": { "Rpc": 20000 }, "instances": { "0": "10.0.0.4", "2": "10.0.0.6" } } } }
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use wasm_roles_service_model::{Role, ServiceModel};

use crate::ports::FIRST_DYNAMIC;
use crate::{Plan, PlanError, addresses, planner};

/// What a deployment keeps: see the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// By name.
    roles: BTreeMap<String, PlacedRole>,
}

/// What a role keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacedRole {
    /// The ports from 20000 up, by endpoint: whether one was chosen or named does not matter to who keeps it.
    #[serde(default)]
    ports: BTreeMap<String, u16>,
    /// The addresses by ordinal.
    #[serde(default)]
    instances: BTreeMap<u32, Ipv4Addr>,
}

impl Placement {
    /// The placement of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut roles: BTreeMap<String, PlacedRole> = BTreeMap::new();
        for role in &plan.roles {
            let ports = role.endpoints.iter().filter(|endpoint| endpoint.port >= FIRST_DYNAMIC);
            let ports = ports.map(|endpoint| (endpoint.name.clone(), endpoint.port)).collect();
            roles.insert(role.name.to_string(), PlacedRole { ports, instances: BTreeMap::new() });
        }
        for instance in &plan.instances {
            if let Some(role) = roles.get_mut(instance.role.as_str()) {
                role.instances.insert(instance.ordinal, instance.address);
            }
        }
        Self { roles }
    }

    /// The port of an endpoint, if it is one from 20000 up.
    pub(crate) fn port(&self, role: &Role, endpoint: &str) -> Option<u16> {
        self.roles.get(role.name.as_str())?.ports.get(endpoint).copied()
    }

    /// All ports from 20000 up that the role's endpoints have.
    pub(crate) fn ports(&self, role: &Role) -> impl Iterator<Item = u16> {
        self.roles.get(role.name.as_str()).into_iter().flat_map(|role| role.ports.values().copied())
    }

    /// The numbers of the instances of a role.
    pub(crate) fn ordinals(&self, role: &Role) -> BTreeSet<u32> {
        let role = self.roles.get(role.name.as_str());
        role.into_iter().flat_map(|role| role.instances.keys().copied()).collect()
    }

    /// The addresses of the instances of a role, by ordinal.
    pub(crate) fn addresses(&self, role: &Role) -> Option<&BTreeMap<u32, Ipv4Addr>> {
        self.roles.get(role.name.as_str()).map(|role| &role.instances)
    }

    /// All addresses that somebody has.
    pub(crate) fn taken(&self) -> BTreeSet<Ipv4Addr> {
        self.roles.values().flat_map(|role| role.instances.values().copied()).collect()
    }

    /// All instances.
    pub(crate) fn instance_count(&self) -> usize {
        self.roles.values().map(|role| role.instances.len()).sum()
    }

    /// Whether a model could have been planned like this.
    fn check(&self, model: &ServiceModel) -> Result<(), PlanError> {
        let misplaced = |what: String| Err(PlanError::Misplaced { what });
        let is_known = |name: &&String| model.roles().iter().any(|role| role.name.as_str() == name.as_str());
        let stranger = self.roles.keys().find(|name| !is_known(name));
        if let Some(stranger) = stranger {
            return misplaced(format!("it has a role {stranger}, which the definition does not have"));
        }
        for role in model.roles() {
            let Some(placed) = self.roles.get(role.name.as_str()) else {
                return misplaced(format!("it does not have the definition's role {}", role.name));
            };
            let (places, count) = (placed.instances.len(), role.instance_count);
            if u32::try_from(places) != Ok(count) {
                return misplaced(format!(
                    "it has {places} instances of role {}, and the configuration has {count}",
                    role.name
                ));
            }
        }
        let mut all = self.roles.values().flat_map(|role| role.instances.values());
        if let Some(outside) = all.find(|address| !addresses::is_host(**address)) {
            return misplaced(format!("an instance has the address {outside}, which is none for instances"));
        }
        if self.taken().len() != self.instance_count() {
            return misplaced("two instances have the same address".to_owned());
        }
        Ok(())
    }
}

/// Makes a plan again: the same ids, addresses and ports that it had when [`Placement::of`] was taken of it.
///
/// # Errors
/// As [`plan`](crate::plan), and [`PlanError::Misplaced`] when the placement is not that of a plan of this model: when roles,
/// counts or ports do not fit. Nothing is then chosen anew.
pub fn plan_placed(model: &ServiceModel, placement: &Placement) -> Result<Plan, PlanError> {
    placement.check(model)?;
    let plan = planner::decide(model, placement, &BTreeSet::new())?;
    let again = Placement::of(&plan);
    if again == *placement {
        return Ok(plan);
    }
    let moved = again.roles.iter().find(|(name, role)| placement.roles.get(*name) != Some(role));
    let role = moved.map(|(name, _)| name.as_str()).unwrap_or_default();
    Err(PlanError::Misplaced { what: format!("the ports of role {role} are not those of the definition") })
}
