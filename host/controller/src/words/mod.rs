//! What the fabric tells, as lines of the interface.

mod event;
mod line;
mod names;
mod places;

pub(crate) use event::{Told, told};
pub(crate) use line::log_line;
pub(crate) use names::{shown, some_of};
pub(crate) use places::Places;
