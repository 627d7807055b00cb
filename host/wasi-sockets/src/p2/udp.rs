//! The functions of `udp` and `udp-create-socket`: handles in, handles out. What they do is in [`UdpSocket`].

use std::net::SocketAddr;

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::p2::{DynPollable, subscribe};

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::udp::{
    Host, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    OutgoingDatagram,
};
use super::bindings::wasi::sockets::udp_create_socket;
use super::udp_socket::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};
use super::{Network, SocketError, SocketResult, errors};
use crate::SocketsView;

type Handle = Resource<UdpSocket>;
type Streams = (Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>);

fn socket<'t>(table: &'t ResourceTable, handle: &Handle) -> SocketResult<&'t UdpSocket> {
    table.get(handle).map_err(SocketError::trap)
}

fn socket_mut<'t>(table: &'t mut ResourceTable, handle: &Handle) -> SocketResult<&'t mut UdpSocket> {
    table.get_mut(handle).map_err(SocketError::trap)
}

/// The socket may have one pair of streams at a time.
fn check_no_streams(table: &ResourceTable, socket: &Handle) -> SocketResult<()> {
    let mut children = table.iter_children(socket).map_err(SocketError::trap)?;
    if children.any(|child| child.is::<IncomingDatagramStream>() || child.is::<OutgoingDatagramStream>()) {
        return Err(SocketError::trap(wasmtime::Error::msg(
            "the streams of an earlier call are not dropped yet",
        )));
    }
    Ok(())
}

/// Gives the guest both streams, as children of their socket, or none.
fn push_streams(
    table: &mut ResourceTable,
    socket: &Handle,
    (incoming, outgoing): (IncomingDatagramStream, OutgoingDatagramStream),
) -> Result<Streams, ResourceTableError> {
    let incoming = table.push_child(incoming, socket)?;
    match table.push_child(outgoing, socket) {
        Ok(outgoing) => Ok((incoming, outgoing)),
        Err(error) => {
            table.delete(incoming)?;
            Err(error)
        }
    }
}

fn delete_streams(table: &mut ResourceTable, (incoming, outgoing): Streams) -> SocketResult<()> {
    table.delete(incoming).map_err(SocketError::trap)?;
    table.delete(outgoing).map_err(SocketError::trap)?;
    Ok(())
}

impl udp_create_socket::Host for SocketsView<'_> {
    fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Handle> {
        let handle = self.table.push(UdpSocket::new(family.into()));
        handle.map_err(|error| errors::table(error, ErrorCode::NewSocketLimit))
    }
}

impl Host for SocketsView<'_> {}

impl HostUdpSocket for SocketsView<'_> {
    fn start_bind(
        &mut self,
        handle: Handle,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        // A handle that is not valid is a fault of the guest's that no code describes.
        self.table.get(&network).map_err(SocketError::trap)?;
        Ok(socket_mut(self.table, &handle)?.start_bind(self.interface, local_address.into())?)
    }

    fn finish_bind(&mut self, handle: Handle) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.finish_bind()?)
    }

    fn stream(&mut self, handle: Handle, remote_address: Option<IpSocketAddress>) -> SocketResult<Streams> {
        check_no_streams(self.table, &handle)?;
        let streams = socket(self.table, &handle)?.streams()?;
        let streams = push_streams(self.table, &handle, streams)
            .map_err(|error| errors::table(error, ErrorCode::OutOfMemory))?;
        match socket(self.table, &handle)?.set_peer(remote_address.map(SocketAddr::from)) {
            Ok(()) => Ok(streams),
            Err(code) => {
                delete_streams(self.table, streams)?;
                Err(code.into())
            }
        }
    }

    fn local_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.local_address()?.into())
    }

    fn remote_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.remote_address()?.into())
    }

    fn address_family(&mut self, handle: Handle) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&handle)?.family().into())
    }

    fn unicast_hop_limit(&mut self, handle: Handle) -> SocketResult<u8> {
        Ok(socket(self.table, &handle)?.options.hop_limit())
    }

    fn set_unicast_hop_limit(&mut self, handle: Handle, value: u8) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_hop_limit(value)?)
    }

    fn receive_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.receive_buffer_size())
    }

    fn set_receive_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_receive_buffer_size(value)?)
    }

    fn send_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.send_buffer_size())
    }

    fn set_send_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_send_buffer_size(value)?)
    }

    fn subscribe(&mut self, handle: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, handle)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl HostIncomingDatagramStream for SocketsView<'_> {
    fn receive(
        &mut self,
        handle: Resource<IncomingDatagramStream>,
        max_results: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let stream = self.table.get(&handle).map_err(SocketError::trap)?;
        let datagrams = stream.receive(max_results)?.into_iter();
        let guests = datagrams.map(|datagram| IncomingDatagram {
            data: datagram.data.into(),
            remote_address: datagram.from.into(),
        });
        Ok(guests.collect())
    }

    fn subscribe(
        &mut self,
        handle: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, handle)
    }

    fn drop(&mut self, handle: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl HostOutgoingDatagramStream for SocketsView<'_> {
    fn check_send(&mut self, handle: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        let stream = self.table.get_mut(&handle).map_err(SocketError::trap)?;
        u64::try_from(stream.check_send()).map_err(SocketError::trap)
    }

    fn send(
        &mut self,
        handle: Resource<OutgoingDatagramStream>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let stream = self.table.get_mut(&handle).map_err(SocketError::trap)?;
        let networks = datagrams.into_iter();
        stream.send(networks.map(|datagram| (datagram.data, datagram.remote_address.map(SocketAddr::from))))
    }

    fn subscribe(
        &mut self,
        handle: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, handle)
    }

    fn drop(&mut self, handle: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
