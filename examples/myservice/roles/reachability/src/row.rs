//! One connection that was tried, and what came of it.

use std::fmt;
use std::io::{Error, ErrorKind};

/// One cell of the matrix: an instance of one role tried an internal endpoint of another instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The role of the instance that tried.
    pub from: String,
    /// The role that has the endpoint.
    pub to: String,
    /// The name of the endpoint.
    pub endpoint: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connection was made.
    Connected,
    /// The traffic rules do not allow it.
    AccessDenied,
    /// It is allowed, but nobody listens.
    Refused,
    /// Anything else, by the name of the error.
    Other(String),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied => Self::AccessDenied,
            ErrorKind::ConnectionRefused => Self::Refused,
            kind => Self::Other(kind.to_string()),
        }
    }
}

impl From<&str> for Outcome {
    fn from(text: &str) -> Self {
        match text {
            "connected" => Self::Connected,
            "access-denied" => Self::AccessDenied,
            "refused" => Self::Refused,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "connected",
            Self::AccessDenied => "access-denied",
            Self::Refused => "refused",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_outcome_that_it_stands_for() {
        for (kind, outcome) in [
            (ErrorKind::PermissionDenied, Outcome::AccessDenied),
            (ErrorKind::ConnectionRefused, Outcome::Refused),
            (ErrorKind::TimedOut, Outcome::Other("timed out".to_owned())),
        ] {
            assert_eq!(Outcome::from(Error::from(kind)), outcome);
        }
    }

    #[test]
    fn an_outcome_is_read_back_from_its_text() {
        for outcome in [
            Outcome::Connected,
            Outcome::AccessDenied,
            Outcome::Refused,
            Outcome::Other("timed out".to_owned()),
        ] {
            assert_eq!(Outcome::from(outcome.to_string().as_str()), outcome);
        }
    }
}
