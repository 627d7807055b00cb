//! Failures, in the words of the standard library's kinds of error.

use std::fmt;

use wasip3::sockets::ip_name_lookup::ErrorCode as LookUpCode;
use wasip3::sockets::types::ErrorCode;

pub type Outcome<T> = Result<T, Failure>;

/// Why a command came to nothing.
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        let kind = match code {
            ErrorCode::AccessDenied => "PermissionDenied",
            ErrorCode::NotSupported => "Unsupported",
            ErrorCode::InvalidArgument => "InvalidInput",
            ErrorCode::OutOfMemory => "OutOfMemory",
            ErrorCode::Timeout => "TimedOut",
            ErrorCode::InvalidState => "InvalidState",
            ErrorCode::AddressNotBindable => "AddrNotAvailable",
            ErrorCode::AddressInUse => "AddrInUse",
            ErrorCode::RemoteUnreachable => "HostUnreachable",
            ErrorCode::ConnectionRefused => "ConnectionRefused",
            ErrorCode::ConnectionBroken => "BrokenPipe",
            ErrorCode::ConnectionReset => "ConnectionReset",
            ErrorCode::ConnectionAborted => "ConnectionAborted",
            // The library has no kind for this error.
            ErrorCode::DatagramTooLarge => "Uncategorized",
            other => return Self(format!("{other:?}")),
        };
        Self(kind.to_owned())
    }
}

/// A code as the interface writes it.
pub fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::AccessDenied => "access-denied",
        ErrorCode::NotSupported => "not-supported",
        ErrorCode::InvalidArgument => "invalid-argument",
        ErrorCode::OutOfMemory => "out-of-memory",
        ErrorCode::Timeout => "timeout",
        ErrorCode::InvalidState => "invalid-state",
        ErrorCode::AddressNotBindable => "address-not-bindable",
        ErrorCode::AddressInUse => "address-in-use",
        ErrorCode::RemoteUnreachable => "remote-unreachable",
        ErrorCode::ConnectionRefused => "connection-refused",
        ErrorCode::ConnectionBroken => "connection-broken",
        ErrorCode::ConnectionReset => "connection-reset",
        ErrorCode::ConnectionAborted => "connection-aborted",
        ErrorCode::DatagramTooLarge => "datagram-too-large",
        ErrorCode::Other(_) => "other",
    }
}

impl From<LookUpCode> for Failure {
    fn from(code: LookUpCode) -> Self {
        match code {
            LookUpCode::NameUnresolvable | LookUpCode::InvalidArgument => Self("NotFound".to_owned()),
            other => Self(format!("{other:?}")),
        }
    }
}
