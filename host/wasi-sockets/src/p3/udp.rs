//! `wasi:sockets/types.udp-socket` 0.3: there are no UDP sockets yet. Creating one answers `not-supported`, so no value of
//! this type exists, and the functions on it cannot be called.

use wasmtime::component::{Accessor, Resource};

use super::bindings::wasi::sockets::types::{
    ErrorCode, HostUdpSocket, HostUdpSocketWithStore, IpAddressFamily, IpSocketAddress,
};
use super::{SocketResult, table_error};
use crate::{Sockets, SocketsView};

/// A UDP socket.
pub enum UdpSocket {}

/// The functions of a resource type without values. A guest that calls one has made up its handle, and traps.
macro_rules! on_nothing {
    ($(fn $name:ident($($argument:ty),*) -> $result:ty;)*) => { $(
        fn $name(&mut self, this: Resource<UdpSocket>, $(_: $argument),*) -> SocketResult<$result> {
            match *self.table.get(&this).map_err(table_error)? {}
        }
    )* };
}

impl HostUdpSocket for SocketsView<'_> {
    fn create(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(ErrorCode::NotSupported.into())
    }

    on_nothing! {
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

    fn get_address_family(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        match *self.table.get(&this)? {}
    }

    fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        match self.table.delete(this)? {}
    }
}

impl<T: Send + 'static> HostUdpSocketWithStore<T> for Sockets {
    async fn send(
        store: &Accessor<T, Self>,
        this: Resource<UdpSocket>,
        _: Vec<u8>,
        _: Option<IpSocketAddress>,
    ) -> SocketResult<()> {
        store.with(|mut access| match *access.get().table.get(&this).map_err(table_error)? {})
    }

    async fn receive(
        store: &Accessor<T, Self>,
        this: Resource<UdpSocket>,
    ) -> SocketResult<(Vec<u8>, IpSocketAddress)> {
        store.with(|mut access| match *access.get().table.get(&this).map_err(table_error)? {})
    }
}
