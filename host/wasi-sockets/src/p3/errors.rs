//! What the network says, in the codes that the interface documents for each call.
//!
//! Some codes are possible everywhere: `other`, `access-denied`, `not-supported` and `out-of-memory`. An error that no other
//! code fits becomes one of them.

use wasm_roles_virtual_network::NetError;
use wasmtime::component::ResourceTableError;

use super::SocketError;
use super::bindings::wasi::sockets::ip_name_lookup::ErrorCode as LookUpCode;
use super::bindings::wasi::sockets::types::ErrorCode;
use crate::options::Zero;

pub(super) fn bind(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        // The address went with the interface.
        NetError::AddressNotBindable | NetError::ConnectionAborted => ErrorCode::AddressNotBindable,
        error => other(error),
    }
}

/// Listening includes a bind where the guest has not bound itself.
pub(super) fn listen(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        error => other(error),
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
        error => other(error),
    }
}

pub(super) fn send(error: NetError) -> ErrorCode {
    match error {
        NetError::ConnectionBroken => ErrorCode::ConnectionBroken,
        NetError::RemoteUnreachable => ErrorCode::RemoteUnreachable,
        _ => ErrorCode::ConnectionReset,
    }
}

pub(super) fn receive(error: NetError) -> ErrorCode {
    match error {
        NetError::RemoteUnreachable => ErrorCode::RemoteUnreachable,
        _ => ErrorCode::ConnectionReset,
    }
}

/// Choosing the peer of a UDP socket includes a bind where the guest has not bound itself.
pub(super) fn connect_datagrams(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        NetError::InvalidArgument => ErrorCode::InvalidArgument,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        error => other(error),
    }
}

/// Sending a datagram includes a bind where the guest has not bound itself.
pub(super) fn send_datagram(error: NetError) -> ErrorCode {
    match error {
        NetError::AccessDenied => ErrorCode::AccessDenied,
        NetError::AddressInUse => ErrorCode::AddressInUse,
        // No address, and no peer either.
        NetError::InvalidArgument | NetError::InvalidState => ErrorCode::InvalidArgument,
        NetError::DatagramTooLarge => ErrorCode::DatagramTooLarge,
        NetError::ConnectionRefused => ErrorCode::ConnectionRefused,
        // The network went with the interface.
        NetError::RemoteUnreachable | NetError::ConnectionAborted => ErrorCode::RemoteUnreachable,
        NetError::TooManySockets => ErrorCode::OutOfMemory,
        error => other(error),
    }
}

pub(super) fn receive_datagram(error: NetError) -> ErrorCode {
    match error {
        NetError::ConnectionRefused => ErrorCode::ConnectionRefused,
        // The interface has ended, or nobody is at the peer's address.
        _ => ErrorCode::RemoteUnreachable,
    }
}

pub(super) fn resolve(error: NetError) -> LookUpCode {
    match error {
        NetError::InvalidArgument => LookUpCode::InvalidArgument,
        NetError::AccessDenied => LookUpCode::AccessDenied,
        NetError::NameFailure => LookUpCode::TemporaryResolverFailure,
        _ => LookUpCode::NameUnresolvable,
    }
}

impl From<Zero> for SocketError {
    fn from(_: Zero) -> Self {
        ErrorCode::InvalidArgument.into()
    }
}

/// A new socket found no place in the table; a trap for a handle that is not valid.
pub(super) fn table(error: ResourceTableError) -> SocketError {
    match error {
        ResourceTableError::Full => ErrorCode::OutOfMemory.into(),
        error => SocketError::trap(error),
    }
}

fn other(error: NetError) -> ErrorCode {
    ErrorCode::Other(Some(error.to_string()))
}
