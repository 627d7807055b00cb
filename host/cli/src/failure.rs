//! Errors that end the program: what is wrong, and what to do about it.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use wasm_roles_fabric::certificates::{FileError, FolderError};
use wasm_roles_fabric::{DataFolderError, Problem, RuntimeError, StartError};

/// Exit code: it cannot be done.
const FAILED: u8 = 1;
/// Exit code: the arguments are wrong; clap's own too.
const WRONG_ARGUMENTS: u8 = 2;

/// One or more things that are wrong, each perhaps with a hint. Nothing runs any more.
#[derive(Debug)]
pub struct Failure {
    reasons: Vec<Reason>,
    exit_code: u8,
}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Reason {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(vec![Reason { message: message.into(), hint: None }])
    }

    pub fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of(vec![Reason { message: message.into(), hint: Some(hint.into()) }])
    }

    /// An argument means nothing.
    pub fn of_arguments(message: impl Into<String>, hint: Option<String>) -> Self {
        Self { reasons: vec![Reason { message: message.into(), hint }], exit_code: WRONG_ARGUMENTS }
    }

    /// What is wrong was said already, in diagnostics.
    pub const fn already_told() -> Self {
        Self::of(Vec::new())
    }

    const fn of(reasons: Vec<Reason>) -> Self {
        Self { reasons, exit_code: FAILED }
    }

    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::from(error.problems())
    }
}

impl From<&[Problem]> for Failure {
    fn from(problems: &[Problem]) -> Self {
        let reason = |problem: &Problem| Reason { message: problem.to_string(), hint: problem.hint() };
        Self::of(problems.iter().map(reason).collect())
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let reason = |error: &FileError| Reason { message: error.to_string(), hint: Some(error.hint()) };
        Self::of(error.errors().iter().map(reason).collect())
    }
}

impl From<DataFolderError> for Failure {
    fn from(error: DataFolderError) -> Self {
        Self::with_hint(error.to_string(), error.hint())
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        match &error {
            RuntimeError::Cache { .. } => {
                Self::with_hint(error.to_string(), "name another folder with `--cache-dir DIR`")
            }
            RuntimeError::Engine(_) => Self::new(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reason in &self.reasons {
            writeln!(f, "error: {}", reason.message)?;
            if let Some(hint) = &reason.hint {
                writeln!(f, "  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Prints an error for people and gives the exit code for it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let (words, exit_code) = match error.downcast_ref::<Failure>() {
        Some(failure) => (failure.to_string(), failure.exit_code),
        None => (format!("error: {error:#}\n"), FAILED),
    };
    // When standard error is closed, the exit code has to say it all.
    let _ = std::io::stderr().write_all(words.as_bytes());
    ExitCode::from(exit_code)
}
