//! UDP, which this network does not have yet: a socket cannot be created.
//!
//! The type of the resource has no values, so none of the functions below can be reached with a valid handle.

use wasmtime::component::{Accessor, Resource};

use super::bindings::wasi::sockets::types::{
    ErrorCode, HostUdpSocket, HostUdpSocketWithStore, IpAddressFamily, IpSocketAddress,
};
use super::{SocketError, SocketResult};
use crate::{Sockets, SocketsView};

/// A UDP socket: there is none.
pub enum UdpSocket {}

/// A function of a resource that has no values: it ends with the look-up of the handle, which fails.
macro_rules! unreachable_functions {
    ($(fn $name:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(
            fn $name(&mut self, socket: Resource<UdpSocket> $(, _: $argument)*) -> SocketResult<$result> {
                match *self.table.get(&socket).map_err(SocketError::trap)? {}
            }
        )*
    };
}

impl HostUdpSocket for SocketsView<'_> {
    fn create(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(ErrorCode::NotSupported.into())
    }

    unreachable_functions! {
        fn bind(IpSocketAddress) -> ();
        fn connect(IpSocketAddress) -> ();
        fn disconnect() -> ();
        fn get_local_address() -> IpSocketAddress;
        fn get_remote_address() -> IpSocketAddress;
        fn get_unicast_hop_limit() -> u8;
        fn set_unicast_hop_limit(u8) -> ();
        fn get_receive_buffer_size() -> u64;
        fn set_receive_buffer_size(u64) -> ();
        fn get_send_buffer_size() -> u64;
        fn set_send_buffer_size(u64) -> ();
    }

    fn get_address_family(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        match *self.table.get(&socket)? {}
    }

    fn drop(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<()> {
        match self.table.delete(socket)? {}
    }
}

impl<T: Send + 'static> HostUdpSocketWithStore<T> for Sockets {
    async fn send(
        store: &Accessor<T, Self>,
        socket: Resource<UdpSocket>,
        _: Vec<u8>,
        _: Option<IpSocketAddress>,
    ) -> SocketResult<()> {
        store.with(|mut access| match *access.get().table.get(&socket).map_err(SocketError::trap)? {})
    }

    async fn receive(
        store: &Accessor<T, Self>,
        socket: Resource<UdpSocket>,
    ) -> SocketResult<(Vec<u8>, IpSocketAddress)> {
        store.with(|mut access| match *access.get().table.get(&socket).map_err(SocketError::trap)? {})
    }
}
