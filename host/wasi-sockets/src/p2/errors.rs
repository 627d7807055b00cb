//! What the network says, in the codes that the interface documents for each call.
//!
//! Some codes are possible everywhere: `unknown`, `access-denied`, `not-supported`, `out-of-memory` and
//! `concurrency-conflict`. An error that no other code fits becomes one of them.

use wasm_roles_virtual_network::NetError;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::p2::StreamError;

use super::SocketError;
use super::bindings::wasi::sockets::network::ErrorCode;
use crate::options::Zero;

pub(super) fn bind(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        // The address went with the interface.
        NetError::AddressNotBindable | NetError::ConnectionAborted => ErrorCode::AddressNotBindable,
        _ => ErrorCode::Unknown,
    }
}

pub(super) fn listen(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        // The interface has ended, for which listen has no code.
        _ => ErrorCode::Unknown,
    }
}

pub(super) fn connect(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        NetError::ConnectionAborted => ErrorCode::ConnectionAborted,
        NetError::ConnectionRefused => ErrorCode::ConnectionRefused,
        NetError::ConnectionReset => ErrorCode::ConnectionReset,
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        NetError::RemoteUnreachable => ErrorCode::RemoteUnreachable,
        NetError::Timeout => ErrorCode::Timeout,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        _ => ErrorCode::Unknown,
    }
}

/// Every failure of a listener is its end, and this is the one code for it that guests survive.
pub(super) fn accept(_: NetError) -> ErrorCode {
    ErrorCode::ConnectionAborted
}

/// A read or write. The interface of streams knows an end and a failure; the failure carries the code for guests that ask
/// with `network-error-code`.
pub(super) fn stream(error: NetError) -> StreamError {
    let code = match error {
        NetError::ConnectionBroken => return StreamError::Closed,
        NetError::ConnectionAborted => ErrorCode::ConnectionAborted,
        NetError::RemoteUnreachable => ErrorCode::RemoteUnreachable,
        NetError::Timeout => ErrorCode::Timeout,
        _ => ErrorCode::ConnectionReset,
    };
    StreamError::LastOperationFailed(code.into())
}

/// Setting up the streams of a UDP socket.
pub(super) fn datagram_streams(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        // The network went with the interface.
        NetError::RemoteUnreachable | NetError::ConnectionAborted => ErrorCode::RemoteUnreachable,
        _ => ErrorCode::Unknown,
    }
}

pub(super) fn send(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        // No address, and no peer either.
        NetError::InvalidArgument | NetError::InvalidState => ErrorCode::InvalidArgument,
        NetError::DatagramTooLarge => ErrorCode::DatagramTooLarge,
        NetError::ConnectionRefused => ErrorCode::ConnectionRefused,
        NetError::RemoteUnreachable | NetError::ConnectionAborted => ErrorCode::RemoteUnreachable,
        _ => ErrorCode::Unknown,
    }
}

pub(super) fn receive(error: NetError) -> ErrorCode {
    match error {
        NetError::ConnectionRefused => ErrorCode::ConnectionRefused,
        // The interface has ended, or nobody is at the peer's address.
        _ => ErrorCode::RemoteUnreachable,
    }
}

pub(super) fn resolve(error: NetError) -> ErrorCode {
    match error {
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::NameFailure => ErrorCode::TemporaryResolverFailure,
        _ => ErrorCode::NameUnresolvable,
    }
}

impl From<Zero> for SocketError {
    fn from(_: Zero) -> Self {
        ErrorCode::InvalidArgument.into()
    }
}

/// A new resource found no place in the table: `full` where that is why, a trap for a handle that is not valid.
pub(super) fn table(error: ResourceTableError, full: ErrorCode) -> SocketError {
    match error {
        ResourceTableError::Full => full.into(),
        error => SocketError::trap(error),
    }
}
