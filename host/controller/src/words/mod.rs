//! What the fabric tells, as lines of the interface.

mod event;
mod line;
mod places;

pub(crate) use event::{Told, told};
pub(crate) use line::log_line;
pub(crate) use places::Places;
