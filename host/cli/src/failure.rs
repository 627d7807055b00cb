//! Errors that end the program: what is wrong, and what to do about it.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use wasm_roles_control_interface::{ClientError, Refusal};
use wasm_roles_control_server::ListenError;
use wasm_roles_controller::OpenError;
use wasm_roles_fabric::certificates::{FileError, FolderError};
use wasm_roles_fabric::{DataFolderError, Problem, RuntimeError, StartError};

use crate::words::clean;
use crate::words::host::refused;

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

impl Reason {
    pub fn new(message: impl ToString, hint: impl Into<String>) -> Self {
        Self { message: message.to_string(), hint: Some(hint.into()) }
    }
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

    pub const fn of(reasons: Vec<Reason>) -> Self {
        Self { reasons, exit_code: FAILED }
    }

    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

impl From<wasm_roles_workshop::OpenError> for Failure {
    fn from(error: wasm_roles_workshop::OpenError) -> Self {
        Self::with_hint(error.to_string(), error.hint())
    }
}

impl From<wasm_roles_workshop::BuildError> for Failure {
    fn from(error: wasm_roles_workshop::BuildError) -> Self {
        Self::with_hint(error.to_string(), error.hint())
    }
}

impl From<wasm_roles_workshop::NewError> for Failure {
    fn from(error: wasm_roles_workshop::NewError) -> Self {
        Self::with_hint(error.to_string(), error.hint())
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::of(vec![Reason { message: error.to_string(), hint: error.hint() }])
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::of(vec![Reason { message: error.to_string(), hint: error.hint().map(str::to_owned) }])
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(refusal) => Self::from(&**refusal),
            other => Self::of(vec![Reason {
                message: clean(other.to_string().as_bytes(), false),
                hint: other.hint().map(str::to_owned),
            }]),
        }
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        Self::of(vec![refused(refusal)])
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
