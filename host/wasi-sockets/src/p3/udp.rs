//! The functions of `udp-socket`: handles in, handles out. What they do is in [`UdpSocket`].

use std::net::SocketAddr;
use std::sync::Arc;

use wasmtime::component::{Accessor, Resource, ResourceTable};

use super::bindings::wasi::sockets::types::{
    HostUdpSocket, HostUdpSocketWithStore, IpAddressFamily, IpSocketAddress,
};
use super::udp_socket::UdpSocket;
use super::{SocketError, SocketResult, errors};
use crate::{Sockets, SocketsView};

type Handle = Resource<UdpSocket>;

fn socket<'t>(table: &'t ResourceTable, handle: &Handle) -> SocketResult<&'t UdpSocket> {
    table.get(handle).map_err(SocketError::trap)
}

fn socket_mut<'t>(table: &'t mut ResourceTable, handle: &Handle) -> SocketResult<&'t mut UdpSocket> {
    table.get_mut(handle).map_err(SocketError::trap)
}

impl<T: Send + 'static> HostUdpSocketWithStore<T> for Sockets {
    async fn send(
        store: &Accessor<T, Self>,
        handle: Handle,
        data: Vec<u8>,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<()> {
        store.with(|mut access| {
            let SocketsView { interface, table } = access.get();
            let target = remote_address.map(SocketAddr::from);
            Ok(socket_mut(table, &handle)?.send(interface, data.into(), target)?)
        })
    }

    async fn receive(store: &Accessor<T, Self>, handle: Handle) -> SocketResult<(Vec<u8>, IpSocketAddress)> {
        let bound = store.with(|mut access| {
            let bound = socket(access.get().table, &handle)?.bound()?;
            SocketResult::Ok(Arc::clone(bound))
        })?;
        let datagram = bound.receive().await?;
        Ok((datagram.data.into(), datagram.from.into()))
    }
}

impl HostUdpSocket for SocketsView<'_> {
    fn create(&mut self, family: IpAddressFamily) -> SocketResult<Handle> {
        self.table.push(UdpSocket::new(family.into())).map_err(errors::table)
    }

    fn bind(&mut self, handle: Handle, local_address: IpSocketAddress) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.bind(self.interface, local_address.into())?)
    }

    fn connect(&mut self, handle: Handle, remote_address: IpSocketAddress) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.connect(self.interface, remote_address.into())?)
    }

    fn disconnect(&mut self, handle: Handle) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.disconnect()?)
    }

    fn get_local_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.local_address()?.into())
    }

    fn get_remote_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.remote_address()?.into())
    }

    fn get_address_family(&mut self, handle: Handle) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&handle)?.family().into())
    }

    fn get_unicast_hop_limit(&mut self, handle: Handle) -> SocketResult<u8> {
        Ok(socket(self.table, &handle)?.options.hop_limit())
    }

    fn set_unicast_hop_limit(&mut self, handle: Handle, value: u8) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_hop_limit(value)?)
    }

    fn get_receive_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.receive_buffer_size())
    }

    fn set_receive_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_receive_buffer_size(value)?)
    }

    fn get_send_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.send_buffer_size())
    }

    fn set_send_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.set_send_buffer_size(value)?)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
