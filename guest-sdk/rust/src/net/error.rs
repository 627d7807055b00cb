//! WASI's error codes as `std::io::Error`.

use std::io::{Error, ErrorKind};

use wasip3::sockets::ip_name_lookup::ErrorCode as LookupCode;
use wasip3::sockets::types::ErrorCode;

/// There are no sockets where there is no fabric.
pub(super) fn needs_component() -> std::io::Result<()> {
    if cfg!(target_family = "wasm") {
        return Ok(());
    }
    let why = "a role has a network in its component only: test what needs one with `wasm-roles run`, or in a test that \
               embeds the fabric";
    Err(Error::new(ErrorKind::Unsupported, why))
}

pub(super) fn socket_error(code: ErrorCode) -> Error {
    let kind = match code {
        ErrorCode::AccessDenied => ErrorKind::PermissionDenied,
        ErrorCode::NotSupported => ErrorKind::Unsupported,
        ErrorCode::InvalidArgument | ErrorCode::DatagramTooLarge => ErrorKind::InvalidInput,
        ErrorCode::OutOfMemory => ErrorKind::OutOfMemory,
        ErrorCode::Timeout => ErrorKind::TimedOut,
        ErrorCode::InvalidState => ErrorKind::NotConnected,
        ErrorCode::AddressNotBindable => ErrorKind::AddrNotAvailable,
        ErrorCode::AddressInUse => ErrorKind::AddrInUse,
        ErrorCode::RemoteUnreachable => ErrorKind::HostUnreachable,
        ErrorCode::ConnectionRefused => ErrorKind::ConnectionRefused,
        ErrorCode::ConnectionBroken => ErrorKind::BrokenPipe,
        ErrorCode::ConnectionReset => ErrorKind::ConnectionReset,
        ErrorCode::ConnectionAborted => ErrorKind::ConnectionAborted,
        ErrorCode::Other(text) => return other(text),
    };
    kind.into()
}

pub(super) fn lookup_error(code: LookupCode) -> Error {
    let kind = match code {
        LookupCode::AccessDenied => ErrorKind::PermissionDenied,
        LookupCode::InvalidArgument => ErrorKind::InvalidInput,
        LookupCode::NameUnresolvable | LookupCode::PermanentResolverFailure => ErrorKind::NotFound,
        LookupCode::TemporaryResolverFailure => {
            return Error::other("the name cannot be looked up at the moment");
        }
        LookupCode::Other(text) => return other(text),
    };
    kind.into()
}

fn other(text: Option<String>) -> Error {
    Error::other(text.unwrap_or_else(|| "the network failed without a reason".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_that_roles_decide_by() {
        for (code, kind) in [
            (ErrorCode::AccessDenied, ErrorKind::PermissionDenied),
            (ErrorCode::ConnectionRefused, ErrorKind::ConnectionRefused),
            (ErrorCode::ConnectionReset, ErrorKind::ConnectionReset),
            (ErrorCode::AddressInUse, ErrorKind::AddrInUse),
            (ErrorCode::Timeout, ErrorKind::TimedOut),
        ] {
            assert_eq!(socket_error(code).kind(), kind);
        }
        assert_eq!(lookup_error(LookupCode::NameUnresolvable).kind(), ErrorKind::NotFound);
    }

    #[test]
    fn an_error_with_a_text_keeps_it() {
        assert_eq!(
            socket_error(ErrorCode::Other(Some("no more cables".to_owned()))).to_string(),
            "no more cables"
        );
    }
}
