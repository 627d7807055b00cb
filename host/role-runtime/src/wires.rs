//! The wires of an incarnation that its surroundings are given: what runs beside the role can ask for what the role can
//! ask for.

use std::sync::Arc;

use crate::control::{Control, Wish};

/// The wires of one incarnation. A clone is another handle to the same.
///
/// A program that [runs](crate::run_program) on them sees the same renewed environment as the role, and its
/// `request-recycle` is as good as the role's own.
#[derive(Clone)]
pub struct Wires(pub(crate) Arc<Control>);

impl Wires {
    /// Wires that lead nowhere, for a program that runs beside no role.
    #[must_use]
    pub fn loose() -> Self {
        Self(Arc::new(Control::new()))
    }

    /// Whether somebody wants this incarnation to end: nothing new should be begun for it.
    #[must_use]
    pub fn shall_end(&self) -> bool {
        self.0.wish() > Wish::Live
    }

    /// Asks for a recycle, as the role's own `request-recycle` does.
    pub fn request_recycle(&self) {
        self.0.request_recycle();
    }
}
