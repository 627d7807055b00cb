//! Calls and their outcomes, a line each.

use std::fmt::Write;

use wasip2::io::streams::StreamError;
use wasip2::sockets::network::ErrorCode;

#[derive(Default)]
pub struct Report(String);

impl Report {
    /// Adds a call. Of what it gave, only that it did.
    pub fn line<T>(&mut self, call: &str, outcome: Result<T, ErrorCode>) -> Option<T> {
        self.note(call, outcome.as_ref().map_or_else(|code| code.name(), |_| "ok"));
        outcome.ok()
    }

    /// Adds a call of a stream.
    pub fn stream_line<T>(&mut self, call: &str, outcome: Result<T, StreamError>) {
        self.note(
            call,
            match outcome {
                Ok(_) => "ok",
                Err(StreamError::Closed) => "closed",
                Err(StreamError::LastOperationFailed(_)) => "last-operation-failed",
            },
        );
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
