//! WASI 0.3: `wasi:sockets/{types, ip-name-lookup}`.
//!
//! Connecting waits; bytes and incoming connections are streams of the component model. The end of a stream of bytes
//! that a guest sends closes the sending side of the connection; a guest that drops its receiving stream reads no more.

mod address;
mod bindings;
mod names;
mod streams;
mod tcp;
mod udp;

use wasm_roles_virtual_network::NetError;
use wasmtime::component::{Linker, ResourceTableError};
use wasmtime_wasi::TrappableError;

use crate::options::NotAllowed;
use crate::{Sockets, SocketsView};
use address::{fits, ip_address, socket_address};
use bindings::wasi::sockets::types::{self, ErrorCode};
use bindings::wasi::sockets::ip_name_lookup;

/// Links `wasi:sockets` 0.3 to the interface and the table that `view` finds in the store's data.
///
/// # Errors
///
/// When something of it is linked already, for example the stock sockets.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SocketsView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, Sockets>(linker, view)?;
    ip_name_lookup::add_to_linker::<T, Sockets>(linker, view)
}

type SocketError = TrappableError<ErrorCode>;
type SocketResult<T> = Result<T, SocketError>;

impl From<NetError> for ErrorCode {
    fn from(error: NetError) -> Self {
        match error {
            NetError::AccessDenied => Self::AccessDenied,
            NetError::AddressInUse => Self::AddressInUse,
            NetError::AddressNotBindable => Self::AddressNotBindable,
            NetError::ConnectionRefused => Self::ConnectionRefused,
            NetError::ConnectionReset => Self::ConnectionReset,
            NetError::ConnectionAborted => Self::ConnectionAborted,
            NetError::ConnectionBroken => Self::ConnectionBroken,
            NetError::RemoteUnreachable => Self::RemoteUnreachable,
            NetError::Timeout => Self::Timeout,
            NetError::InvalidState => Self::InvalidState,
            NetError::InvalidArgument => Self::InvalidArgument,
            // 0.3 has no word of its own for too many sockets; its document names this one for that.
            NetError::TooManySockets => Self::OutOfMemory,
            NetError::NameUnresolvable => Self::Other(Some("name unresolvable".to_owned())),
            NetError::NotSupported => Self::NotSupported,
            _ => Self::Other(Some(error.to_string())),
        }
    }
}

impl From<NotAllowed> for ErrorCode {
    fn from(_: NotAllowed) -> Self {
        Self::InvalidArgument
    }
}

fn net_error(error: NetError) -> SocketError {
    ErrorCode::from(error).into()
}

/// A table that is full is a limit of the instance; anything else is a guest that uses a handle that it does not have.
fn table_error(error: ResourceTableError) -> SocketError {
    match error {
        ResourceTableError::Full => ErrorCode::OutOfMemory.into(),
        error => SocketError::trap(error),
    }
}

impl types::Host for SocketsView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}
