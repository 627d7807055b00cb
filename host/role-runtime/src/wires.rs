//! The wires of an incarnation that its surroundings are given: what runs beside the role can ask for what the role can
//! ask for.

use std::sync::Arc;

use crate::component::RoleComponent;
use crate::control::{Control, Wish};
use crate::cpu::{Account, Share};
use crate::instance::InstanceSpec;

/// The wires of one incarnation. A clone is another handle to the same.
///
/// A program that [runs](crate::run_program) on them sees the same renewed environment as the role, and its
/// `request-recycle` is as good as the role's own. Together they have the CPU weight of one instance.
#[derive(Clone)]
pub struct Wires {
    control: Arc<Control>,
    /// Whose weight they have; none without a role.
    account: Option<Account>,
}

impl Wires {
    /// Wires that lead nowhere, for a program that runs beside no role.
    #[must_use]
    pub fn loose() -> Self {
        Self { control: Arc::new(Control::new()), account: None }
    }

    /// The wires of an incarnation that computes on this account.
    pub(crate) fn new(control: Arc<Control>, account: Account) -> Self {
        Self { control, account: Some(account) }
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// A share for a program: of the incarnation's weight, or with that of the specification where there is none.
    pub(crate) fn share(&self, component: &RoleComponent, spec: &InstanceSpec) -> Share {
        match &self.account {
            Some(account) => account.share(),
            None => component.inner().runtime.processors.share(spec.limits.cpu_weight),
        }
    }

    /// Whether somebody wants this incarnation to end: nothing new should be begun for it.
    #[must_use]
    pub fn shall_end(&self) -> bool {
        self.control.wish() > Wish::Live
    }

    /// Asks for a recycle, as the role's own `request-recycle` does.
    pub fn request_recycle(&self) {
        self.control.request_recycle();
    }
}
