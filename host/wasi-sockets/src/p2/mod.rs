//! WASI 0.2: `wasi:sockets/{network, instance-network, ip-name-lookup, tcp, tcp-create-socket, udp, udp-create-socket}`.
//!
//! Nothing here waits. What takes time is begun by a `start-` function and finished by a `finish-` function that answers
//! `would-block` until it is done; a pollable tells when to ask again.

mod address;
mod bindings;
mod names;
mod streams;
mod tcp;
mod udp;

use wasm_roles_virtual_network::NetError;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use crate::options::NotAllowed;
use crate::{Sockets, SocketsView};
use address::{fits, ip_address, socket_address};
use bindings::wasi::sockets::network::{self, ErrorCode};
use bindings::wasi::sockets::{
    instance_network, ip_name_lookup, tcp as tcp_interface, tcp_create_socket, udp as udp_interface, udp_create_socket,
};

/// Links `wasi:sockets` 0.2 to the interface and the table that `view` finds in the store's data.
///
/// # Errors
///
/// When something of it is linked already, for example the stock sockets.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SocketsView<'_>,
) -> wasmtime::Result<()> {
    network::add_to_linker::<T, Sockets>(linker, &network::LinkOptions::default(), view)?;
    instance_network::add_to_linker::<T, Sockets>(linker, view)?;
    ip_name_lookup::add_to_linker::<T, Sockets>(linker, view)?;
    tcp_interface::add_to_linker::<T, Sockets>(linker, view)?;
    tcp_create_socket::add_to_linker::<T, Sockets>(linker, view)?;
    udp_interface::add_to_linker::<T, Sockets>(linker, view)?;
    udp_create_socket::add_to_linker::<T, Sockets>(linker, view)
}

type SocketError = TrappableError<ErrorCode>;
type SocketResult<T> = Result<T, SocketError>;

/// `wasi:sockets/network.network`: there is one network, so holding it says nothing.
pub struct InstanceNetwork;

impl From<NetError> for ErrorCode {
    fn from(error: NetError) -> Self {
        match error {
            NetError::AccessDenied => Self::AccessDenied,
            NetError::AddressInUse => Self::AddressInUse,
            NetError::AddressNotBindable => Self::AddressNotBindable,
            NetError::ConnectionRefused => Self::ConnectionRefused,
            // 0.2 has no word for a pipe that is broken.
            NetError::ConnectionReset | NetError::ConnectionBroken => Self::ConnectionReset,
            NetError::ConnectionAborted => Self::ConnectionAborted,
            NetError::RemoteUnreachable => Self::RemoteUnreachable,
            NetError::Timeout => Self::Timeout,
            NetError::InvalidState => Self::InvalidState,
            NetError::InvalidArgument => Self::InvalidArgument,
            NetError::TooManySockets => Self::NewSocketLimit,
            NetError::NameUnresolvable => Self::NameUnresolvable,
            NetError::NotSupported => Self::NotSupported,
            _ => Self::Unknown,
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
        ResourceTableError::Full => ErrorCode::NewSocketLimit.into(),
        error => SocketError::trap(error),
    }
}

impl network::Host for SocketsView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().copied())
    }
}

impl network::HostNetwork for SocketsView<'_> {
    fn drop(&mut self, network: Resource<InstanceNetwork>) -> wasmtime::Result<()> {
        self.table.delete(network)?;
        Ok(())
    }
}

impl instance_network::Host for SocketsView<'_> {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<InstanceNetwork>> {
        Ok(self.table.push(InstanceNetwork)?)
    }
}
