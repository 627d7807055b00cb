//! How asking a host can fail.

use crate::Refusal;

/// A host cannot be asked, or refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// What was given as the address of a host, or as a token, is none.
    #[error("{reason}")]
    Address {
        /// Why.
        reason: String,
    },
    /// Nobody answers at the address, or this user may not ask there. Nothing was sent.
    #[error("no host answers at {place}: {reason}")]
    NobodyThere {
        /// The socket or the URL.
        place: String,
        /// What the operating system says.
        reason: String,
    },
    /// The connection was lost before the answer was complete. Whether the request was carried out is unknown.
    #[error("the host at {place} broke off: {reason}")]
    BrokenOff {
        /// The socket or the URL.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The package could not be read while it was sent. The host has thrown away what it had of it.
    #[error("the package cannot be read: {reason}")]
    Package {
        /// What its reader says.
        reason: String,
    },
    /// The host says no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// An answer that this version cannot understand.
    #[error("the answer of the host at {place} cannot be understood: {reason}")]
    NotUnderstood {
        /// The socket or the URL.
        place: String,
        /// Why.
        reason: String,
    },
}

impl ClientError {
    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.hint.as_deref(),
            Self::NobodyThere { .. } => Some("start one with `wasm-roles serve`, or name its socket or URL"),
            Self::BrokenOff { .. } => Some("ask for the status of the deployment before you try again"),
            Self::NotUnderstood { .. } => Some("the host and this program may be of different versions"),
            Self::Address { .. } | Self::Package { .. } => None,
        }
    }

    /// What the host said, if it was the host that said no.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
