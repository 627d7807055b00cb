//! The commands: one file each, or one for several that are alike.

pub mod build;
pub mod check;
pub mod compile;
pub mod explain;
pub mod explain_code;
pub mod graph;
pub mod inspect;
pub mod new;
pub mod observe;
pub mod operate;
pub mod plan;
pub mod run;
pub mod serve;
mod serve_log;
pub mod shells;

use std::process::ExitCode;

/// How a command ended when it could do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was to be stopped has stopped, what was to be told is told.
    Done,
    /// There are errors in what was to be checked.
    Errors,
    /// The answer is no.
    Denied,
    /// The user did not want to wait.
    Interrupted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => ExitCode::SUCCESS,
            Ending::Errors => ExitCode::FAILURE,
            Ending::Denied => ExitCode::from(3),
            Ending::Interrupted => ExitCode::from(130),
        }
    }
}
