//! Changing the configuration of a deployment that runs.
//!
//! ```text
//! old Plan, new Plan ─► Difference ─► steps ─► for each step: an order to each supervisor, then wait for all of them
//! ```
//!
//! An instance hears `changing` with the old values, then `changed` with the new ones; if it refuses, it is recycled and
//! starts with the new ones (facts: section 7.5). The walk goes on when every instance of an upgrade domain has
//! reacted; one that is being recycled has [`READY_AGAIN`] for it (facts: section 7.6).

mod difference;
mod order;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use wasm_roles_service_plan::{InstanceId, Plan, RoleName};

pub(crate) use difference::{Difference, How};
pub use order::{Missed, Reaction};
pub(crate) use order::{Order, Renewal, What};
pub(crate) use walk::{Instances, walk};

use crate::view::view;

/// How long the walk waits for an instance that is recycled, before it goes on without it (facts: section 7.6).
pub const READY_AGAIN: Duration = Duration::from_secs(30 * 60);

/// A configuration cannot be changed while the deployment runs. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// More than the configuration is different: the two plans come from different definitions.
    #[error("the new configuration is for another service definition")]
    Definition,
    /// Instances would come or go.
    #[error("the number of instances of {} cannot be changed while the service runs", names(roles))]
    Instances {
        /// The roles, in the order of the definition.
        roles: Vec<RoleName>,
    },
}

/// What each instance has after a step of the walk.
pub(crate) struct Renewals<'a> {
    /// The new instances with the old settings.
    between: Arc<Plan>,
    new: Arc<Plan>,
    deployment_id: &'a str,
    emulated: bool,
}

impl<'a> Renewals<'a> {
    pub(crate) fn new(old: &Plan, new: Arc<Plan>, deployment_id: &'a str, emulated: bool) -> Self {
        let mut between = Plan::clone(&new);
        for role in &mut between.roles {
            role.settings = old.role(&role.name).map(|old| old.settings.clone()).unwrap_or_default();
        }
        Self { between: Arc::new(between), new, deployment_id, emulated }
    }

    pub(crate) fn of(&self, instance: &InstanceId, how: How) -> Option<Renewal> {
        let plan = match how {
            How::InTurn => &self.new,
            How::AtOnce => &self.between,
        };
        let environment = view(plan, plan.instance(instance)?, self.deployment_id, self.emulated);
        Some(Renewal { plan: Arc::clone(plan), environment: Arc::new(environment) })
    }
}

fn names(roles: &[RoleName]) -> String {
    roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ")
}

/// How the instances took a change, in the order in which they were told. Instances that it does not concern are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSummary {
    /// Instances that were told.
    pub instances: Vec<(InstanceId, Reaction)>,
}
