//! `wasi:sockets/udp` 0.2: there are no UDP sockets yet. Creating one answers `not-supported`, so no value of these
//! types exists, and the functions on them cannot be called.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::udp::{
    Host, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram, OutgoingDatagram,
};
use super::bindings::wasi::sockets::udp_create_socket;
use super::{InstanceNetwork, SocketResult, table_error};
use crate::SocketsView;

/// A UDP socket.
pub enum UdpSocket {}

/// The datagrams that arrive at a UDP socket.
pub enum IncomingDatagrams {}

/// The datagrams that leave a UDP socket.
pub enum OutgoingDatagrams {}

impl udp_create_socket::Host for SocketsView<'_> {
    fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(ErrorCode::NotSupported.into())
    }
}

impl Host for SocketsView<'_> {}

/// The functions of a resource type without values. A guest that calls one has made up its handle, and traps.
macro_rules! on_nothing {
    ($($resource:ident: $name:ident($($argument:ty),*) -> $result:ty;)*) => { $(
        fn $name(&mut self, this: Resource<$resource>, $(_: $argument),*) -> SocketResult<$result> {
            match *self.table.get(&this).map_err(table_error)? {}
        }
    )* };
}

impl HostUdpSocket for SocketsView<'_> {
    on_nothing! {
        UdpSocket: start_bind(Resource<InstanceNetwork>, IpSocketAddress) -> ();
        UdpSocket: finish_bind() -> ();
        UdpSocket: stream(Option<IpSocketAddress>) -> (Resource<IncomingDatagrams>, Resource<OutgoingDatagrams>);
        UdpSocket: local_address() -> IpSocketAddress;
        UdpSocket: remote_address() -> IpSocketAddress;
        UdpSocket: unicast_hop_limit() -> u8;
        UdpSocket: set_unicast_hop_limit(u8) -> ();
        UdpSocket: receive_buffer_size() -> u64;
        UdpSocket: set_receive_buffer_size(u64) -> ();
        UdpSocket: send_buffer_size() -> u64;
        UdpSocket: set_send_buffer_size(u64) -> ();
    }

    fn address_family(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        match *self.table.get(&this)? {}
    }

    fn subscribe(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        match *self.table.get(&this)? {}
    }

    fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        match self.table.delete(this)? {}
    }
}

impl HostIncomingDatagramStream for SocketsView<'_> {
    on_nothing! {
        IncomingDatagrams: receive(u64) -> Vec<IncomingDatagram>;
    }

    fn subscribe(&mut self, this: Resource<IncomingDatagrams>) -> wasmtime::Result<Resource<DynPollable>> {
        match *self.table.get(&this)? {}
    }

    fn drop(&mut self, this: Resource<IncomingDatagrams>) -> wasmtime::Result<()> {
        match self.table.delete(this)? {}
    }
}

impl HostOutgoingDatagramStream for SocketsView<'_> {
    on_nothing! {
        OutgoingDatagrams: check_send() -> u64;
        OutgoingDatagrams: send(Vec<OutgoingDatagram>) -> u64;
    }

    fn subscribe(&mut self, this: Resource<OutgoingDatagrams>) -> wasmtime::Result<Resource<DynPollable>> {
        match *self.table.get(&this)? {}
    }

    fn drop(&mut self, this: Resource<OutgoingDatagrams>) -> wasmtime::Result<()> {
        match self.table.delete(this)? {}
    }
}
