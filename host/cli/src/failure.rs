//! Errors that end the program: what is wrong, and what to do about it.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use wasm_roles_fabric::{RuntimeError, StartError};

/// One or more things that are wrong, each perhaps with a hint. Nothing runs any more.
#[derive(Debug)]
pub struct Failure {
    reasons: Vec<Reason>,
}

#[derive(Debug)]
struct Reason {
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { reasons: vec![Reason { message: message.into(), hint: None }] }
    }

    pub fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reasons: vec![Reason { message: message.into(), hint: Some(hint.into()) }] }
    }

    /// What is wrong was said already, in diagnostics.
    pub const fn already_told() -> Self {
        Self { reasons: Vec::new() }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let problems = error.problems().iter();
        let reason = |problem: &wasm_roles_fabric::Problem| Reason {
            message: problem.to_string(),
            hint: problem.hint(),
        };
        Self { reasons: problems.map(reason).collect() }
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
    let words = match error.downcast_ref::<Failure>() {
        Some(failure) => failure.to_string(),
        None => format!("error: {error:#}\n"),
    };
    // When standard error is closed, the exit code has to say it all.
    let _ = std::io::stderr().write_all(words.as_bytes());
    ExitCode::FAILURE
}
