//! Roles and instances that a request names.

use std::collections::BTreeSet;

use wasm_roles_control_interface::{Detail, Refusal, RefusalCode};
use wasm_roles_service_plan::Plan;

use crate::words::{shown, some_of};

/// Names in one request. It can have room for millions.
const MOST: usize = 1_000;
/// Names that there are not, one by one in a refusal.
const TOLD: usize = 20;

/// What a name is said to be of that nobody has: an instance, and nothing else.
pub(super) const INSTANCE: &str = "instance";

/// Whether there are not too many.
///
/// # Errors
///
/// [`RefusalCode::BadRequest`].
pub(super) fn bounded(names: usize) -> Result<(), Refusal> {
    if names <= MOST {
        return Ok(());
    }
    let message = format!("the request has {names} names, and {MOST} are the most");
    Err(Refusal::new(RefusalCode::BadRequest, message)
        .hint("name roles instead of their instances, or ask several times"))
}

/// The names of a plan.
pub(super) struct Known<'a> {
    pub(super) roles: BTreeSet<&'a str>,
    pub(super) instances: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            roles: plan.roles.iter().map(|role| role.name.as_str()).collect(),
            instances: plan.instances.iter().map(|instance| instance.id.as_str()).collect(),
        }
    }

    /// Refuses names that there are not: each with what it should be.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub(super) fn refuse(&self, unknown: &[(&str, &str)]) -> Result<(), Refusal> {
        if unknown.is_empty() {
            return Ok(());
        }
        let details = unknown.iter().take(TOLD).map(|(what, name)| {
            let name = shown(name);
            Detail::new(format!("there is no {what} {name}")).subject(name)
        });
        let message = match unknown.len() {
            few if few <= TOLD => "there are no such roles or instances".to_owned(),
            many => format!(
                "there are no such roles or instances: {many} names, the first {TOLD} of them are told"
            ),
        };
        let mut hints = Vec::new();
        if unknown.iter().any(|(what, _)| *what != INSTANCE) {
            hints.push(format!("the roles are {}", some_of(self.roles.iter().copied())));
        }
        if unknown.iter().any(|(what, _)| *what == INSTANCE) {
            hints.push(match self.instances.is_empty() {
                true => "there are no instances".to_owned(),
                false => format!("there are {}", some_of(self.instances.iter().copied())),
            });
        }
        let hint = hints.join("; ");
        Err(Refusal::new(RefusalCode::NotFound, message).hint(hint).details(details))
    }
}
