//! The functions of `tcp` and `tcp-create-socket`: handles in, handles out. What they do is in [`TcpSocket`].

use std::sync::Arc;

use wasm_roles_virtual_network::TcpStream;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, subscribe};

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::tcp::{Host, HostTcpSocket, ShutdownType};
use super::bindings::wasi::sockets::tcp_create_socket;
use super::streams::{Input, Output};
use super::tcp_socket::TcpSocket;
use super::{Network, SocketError, SocketResult, errors};
use crate::SocketsView;

type Handle = Resource<TcpSocket>;
type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

fn socket<'t>(table: &'t ResourceTable, handle: &Handle) -> SocketResult<&'t TcpSocket> {
    table.get(handle).map_err(SocketError::trap)
}

fn socket_mut<'t>(table: &'t mut ResourceTable, handle: &Handle) -> SocketResult<&'t mut TcpSocket> {
    table.get_mut(handle).map_err(SocketError::trap)
}

/// A handle that is not valid is a fault of the guest's that no code describes.
fn check_network(table: &ResourceTable, network: &Resource<Network>) -> SocketResult<()> {
    table.get(network).map(drop).map_err(SocketError::trap)
}

/// Gives the guest the two directions of a connection, as children of its socket: both or none.
fn push_streams(
    table: &mut ResourceTable,
    socket: &Handle,
    stream: &Arc<TcpStream>,
) -> Result<Streams, ResourceTableError> {
    let input: DynInputStream = Box::new(Input::new(Arc::clone(stream)));
    let output: DynOutputStream = Box::new(Output::new(Arc::clone(stream)));
    let input = table.push_child(input, socket)?;
    match table.push_child(output, socket) {
        Ok(output) => Ok((input, output)),
        Err(error) => {
            table.delete(input)?;
            Err(error)
        }
    }
}

/// Gives the guest a connection with its socket: all three handles or none.
fn push_connection(
    table: &mut ResourceTable,
    socket: TcpSocket,
    stream: &Arc<TcpStream>,
) -> Result<(Handle, Streams), ResourceTableError> {
    let socket = table.push(socket)?;
    match push_streams(table, &socket, stream) {
        Ok(streams) => Ok((socket, streams)),
        Err(error) => {
            table.delete(socket)?;
            Err(error)
        }
    }
}

impl tcp_create_socket::Host for SocketsView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Handle> {
        let handle = self.table.push(TcpSocket::new(family.into()));
        handle.map_err(|error| errors::table(error, ErrorCode::NewSocketLimit))
    }
}

impl Host for SocketsView<'_> {}

impl HostTcpSocket for SocketsView<'_> {
    fn start_bind(
        &mut self,
        handle: Handle,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        check_network(self.table, &network)?;
        Ok(socket_mut(self.table, &handle)?.start_bind(self.interface, local_address.into())?)
    }

    fn finish_bind(&mut self, handle: Handle) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.finish_bind()?)
    }

    fn start_connect(
        &mut self,
        handle: Handle,
        network: Resource<Network>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        check_network(self.table, &network)?;
        Ok(socket_mut(self.table, &handle)?.start_connect(self.interface, remote_address.into())?)
    }

    fn finish_connect(&mut self, handle: Handle) -> SocketResult<Streams> {
        let stream = socket_mut(self.table, &handle)?.finish_connect()?;
        push_streams(self.table, &handle, &stream).or_else(|error| {
            // A connect that fails leaves the socket closed, whatever it failed of.
            socket_mut(self.table, &handle)?.close();
            Err(errors::table(error, ErrorCode::OutOfMemory))
        })
    }

    fn start_listen(&mut self, handle: Handle) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.start_listen()?)
    }

    fn finish_listen(&mut self, handle: Handle) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.finish_listen()?)
    }

    fn accept(
        &mut self,
        handle: Handle,
    ) -> SocketResult<(Handle, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let (accepted, stream) = socket(self.table, &handle)?.accept()?;
        let (socket, (input, output)) = push_connection(self.table, accepted, &stream)
            .map_err(|error| errors::table(error, ErrorCode::NewSocketLimit))?;
        Ok((socket, input, output))
    }

    fn local_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.local_address()?.into())
    }

    fn remote_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.remote_address()?.into())
    }

    fn is_listening(&mut self, handle: Handle) -> wasmtime::Result<bool> {
        Ok(self.table.get(&handle)?.is_listening())
    }

    fn address_family(&mut self, handle: Handle) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&handle)?.family().into())
    }

    fn set_listen_backlog_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.set_backlog(value)?)
    }

    fn keep_alive_enabled(&mut self, handle: Handle) -> SocketResult<bool> {
        Ok(socket(self.table, &handle)?.options.keep_alive.enabled())
    }

    fn set_keep_alive_enabled(&mut self, handle: Handle, value: bool) -> SocketResult<()> {
        socket_mut(self.table, &handle)?.options.keep_alive.set_enabled(value);
        Ok(())
    }

    fn keep_alive_idle_time(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.keep_alive.idle_time())
    }

    fn set_keep_alive_idle_time(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.keep_alive.set_idle_time(value)?)
    }

    fn keep_alive_interval(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.keep_alive.interval())
    }

    fn set_keep_alive_interval(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.keep_alive.set_interval(value)?)
    }

    fn keep_alive_count(&mut self, handle: Handle) -> SocketResult<u32> {
        Ok(socket(self.table, &handle)?.options.keep_alive.count())
    }

    fn set_keep_alive_count(&mut self, handle: Handle, value: u32) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.keep_alive.set_count(value)?)
    }

    fn hop_limit(&mut self, handle: Handle) -> SocketResult<u8> {
        Ok(socket(self.table, &handle)?.options.socket.hop_limit())
    }

    fn set_hop_limit(&mut self, handle: Handle, value: u8) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.socket.set_hop_limit(value)?)
    }

    fn receive_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.socket.receive_buffer_size())
    }

    fn set_receive_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.socket.set_receive_buffer_size(value)?)
    }

    fn send_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.socket.send_buffer_size())
    }

    fn set_send_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.options.socket.set_send_buffer_size(value)?)
    }

    fn subscribe(&mut self, handle: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, handle)
    }

    fn shutdown(&mut self, handle: Handle, direction: ShutdownType) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.shutdown(direction)?)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
