//! UDP, which this network does not have yet: a socket cannot be created.
//!
//! The types of its resources have no values, so none of the functions below can be reached with a valid handle.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::udp::{
    Host, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    OutgoingDatagram,
};
use super::bindings::wasi::sockets::udp_create_socket;
use super::{Network, SocketError, SocketResult};
use crate::SocketsView;

/// A UDP socket: there is none.
pub enum UdpSocket {}

/// The receiving side of a UDP socket: there is none.
pub enum IncomingDatagramStream {}

/// The sending side of a UDP socket: there is none.
pub enum OutgoingDatagramStream {}

impl udp_create_socket::Host for SocketsView<'_> {
    fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(ErrorCode::NotSupported.into())
    }
}

impl Host for SocketsView<'_> {}

/// A function of a resource that has no values: it ends with the look-up of the handle, which fails.
macro_rules! unreachable_functions {
    ($resource:ty: $(fn $name:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(
            fn $name(&mut self, handle: Resource<$resource> $(, _: $argument)*) -> SocketResult<$result> {
                match *self.table.get(&handle).map_err(SocketError::trap)? {}
            }
        )*

        fn subscribe(&mut self, handle: Resource<$resource>) -> wasmtime::Result<Resource<DynPollable>> {
            match *self.table.get(&handle)? {}
        }

        fn drop(&mut self, handle: Resource<$resource>) -> wasmtime::Result<()> {
            match self.table.delete(handle)? {}
        }
    };
}

impl HostUdpSocket for SocketsView<'_> {
    unreachable_functions! { UdpSocket:
        fn start_bind(Resource<Network>, IpSocketAddress) -> ();
        fn finish_bind() -> ();
        fn stream(Option<IpSocketAddress>)
            -> (Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>);
        fn local_address() -> IpSocketAddress;
        fn remote_address() -> IpSocketAddress;
        fn unicast_hop_limit() -> u8;
        fn set_unicast_hop_limit(u8) -> ();
        fn receive_buffer_size() -> u64;
        fn set_receive_buffer_size(u64) -> ();
        fn send_buffer_size() -> u64;
        fn set_send_buffer_size(u64) -> ();
    }

    fn address_family(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        match *self.table.get(&socket)? {}
    }
}

impl HostIncomingDatagramStream for SocketsView<'_> {
    unreachable_functions! { IncomingDatagramStream:
        fn receive(u64) -> Vec<IncomingDatagram>;
    }
}

impl HostOutgoingDatagramStream for SocketsView<'_> {
    unreachable_functions! { OutgoingDatagramStream:
        fn check_send() -> u64;
        fn send(Vec<OutgoingDatagram>) -> u64;
    }
}
