//! Calls and their outcomes, a line each.

use std::fmt::Display;

use wasip2::io::streams::StreamError;
use wasip2::sockets::network::ErrorCode;

/// A part of the report. An error ends it: something failed that was not to be reported.
pub type Scenario = fn(&mut Report) -> Result<(), ErrorCode>;

/// Says each line as soon as it has it, so that a host that loses patience knows where.
pub struct Report;

impl Report {
    /// The lines that `fill` adds.
    pub fn of(fill: impl FnOnce(&mut Self)) {
        fill(&mut Self);
    }

    /// Adds the lines of a part.
    pub fn part(&mut self, name: &str, scenario: impl FnOnce(&mut Self) -> Result<(), ErrorCode>) {
        if let Err(code) = scenario(self) {
            self.note(&format!("{name} stopped"), code.name());
        }
    }

    /// Adds a call. Of what it gave, only that it did.
    pub fn line<T>(&mut self, call: &str, outcome: Result<T, ErrorCode>) -> Option<T> {
        self.note(call, outcome.as_ref().map_or_else(|code| code.name(), |_| "ok"));
        outcome.ok()
    }

    /// Adds a call with what it gave.
    pub fn says(&mut self, call: &str, outcome: Result<impl Display, ErrorCode>) {
        self.note(call, &outcome.map_or_else(|code| code.name().to_owned(), |value| value.to_string()));
    }

    /// Adds a call of a stream with what it gave.
    pub fn stream(&mut self, call: &str, outcome: Result<impl Display, StreamError>) {
        let said = match outcome {
            Ok(value) => value.to_string(),
            Err(StreamError::Closed) => "closed".to_owned(),
            Err(StreamError::LastOperationFailed(_)) => "last-operation-failed".to_owned(),
        };
        self.note(call, &said);
    }

    pub fn is(&mut self, call: &str, holds: bool) {
        self.note(call, if holds { "yes" } else { "no" });
    }

    pub fn note(&mut self, call: &str, outcome: &str) {
        println!("{call}: {outcome}");
    }
}
