//! Calls and their outcomes, a line each.

use std::fmt::Display;

use wasip3::sockets::types::ErrorCode;

use crate::outcome::{Outcome, name};

/// Says each line as soon as it has it, so that a host that loses patience knows where.
pub struct Report;

impl Report {
    /// The lines that `fill` adds.
    pub async fn of(fill: impl AsyncFnOnce(&mut Self)) {
        fill(&mut Self).await;
    }

    /// Adds the lines of a part. A failure ends it: something failed that was not to be reported.
    pub async fn part(&mut self, name: &str, scenario: impl AsyncFnOnce(&mut Self) -> Outcome<()>) {
        if let Err(failure) = scenario(self).await {
            self.note(&format!("{name} stopped"), &failure.to_string());
        }
    }

    /// Adds a call. Of what it gave, only that it did.
    pub fn line<T>(&mut self, call: &str, outcome: Result<T, ErrorCode>) -> Option<T> {
        self.note(call, outcome.as_ref().map_or_else(name, |_| "ok"));
        outcome.ok()
    }

    /// Adds a call with what it gave.
    pub fn says(&mut self, call: &str, outcome: Result<impl Display, ErrorCode>) {
        self.note(call, &outcome.map_or_else(|code| name(&code).to_owned(), |value| value.to_string()));
    }

    pub fn is(&mut self, call: &str, holds: bool) {
        self.note(call, if holds { "yes" } else { "no" });
    }

    pub fn note(&mut self, call: &str, outcome: &str) {
        println!("{call}: {outcome}");
    }
}
