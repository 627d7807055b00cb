//! The commands, one file each.

pub mod run;

/// How a command ended when nothing was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was to be stopped has stopped.
    Stopped,
    /// The user did not want to wait.
    Interrupted,
}
