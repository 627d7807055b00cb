//! Calls and their outcomes, a line each.

use std::fmt::Write;

use wasip3::sockets::types::ErrorCode;

use crate::outcome::Failure;

#[derive(Default)]
pub struct Report(String);

impl Report {
    /// Adds a call. Of what it gave, only that it did.
    pub fn line<T>(&mut self, call: &str, outcome: Result<T, ErrorCode>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.note(call, "ok");
                Some(value)
            }
            Err(code) => {
                self.note(call, &Failure::from(code).to_string());
                None
            }
        }
    }

    pub fn note(&mut self, call: &str, outcome: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{call}: {outcome}");
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.0.trim_end().to_owned()
    }
}
