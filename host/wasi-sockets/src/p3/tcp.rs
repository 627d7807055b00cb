//! The functions of `tcp-socket`: handles in, handles out. What they do is in [`TcpSocket`].

use std::future::poll_fn;
use std::iter;
use std::sync::Arc;

use tokio::sync::oneshot;
use wasm_roles_virtual_network::TcpStream;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, ResourceTable, StreamReader};

use super::bindings::wasi::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore, IpAddressFamily, IpSocketAddress,
};
use super::streams::{Incoming, Receiving, Sending};
use super::tcp_socket::TcpSocket;
use super::{SocketError, SocketResult, errors};
use crate::{Sockets, SocketsView};

type Handle = Resource<TcpSocket>;
/// The future that says how a direction of a connection ended.
type Outcome = FutureReader<Result<(), ErrorCode>>;

fn socket<'t>(table: &'t ResourceTable, handle: &Handle) -> SocketResult<&'t TcpSocket> {
    table.get(handle).map_err(SocketError::trap)
}

fn socket_mut<'t>(table: &'t mut ResourceTable, handle: &Handle) -> SocketResult<&'t mut TcpSocket> {
    table.get_mut(handle).map_err(SocketError::trap)
}

/// The outcome of a `send`, once everything that the network took has been handed on.
async fn handed_on(
    stream: Arc<TcpStream>,
    outcome: oneshot::Receiver<Result<(), ErrorCode>>,
) -> wasmtime::Result<Result<(), ErrorCode>> {
    let outcome = outcome.await?;
    poll_fn(|cx| stream.poll_flushed(cx)).await;
    Ok(outcome)
}

/// An outcome that is there already.
async fn refused(code: ErrorCode) -> wasmtime::Result<Result<(), ErrorCode>> {
    Ok(Err(code))
}

impl<T: Send + 'static> HostTcpSocketWithStore<T> for Sockets {
    async fn connect(
        store: &Accessor<T, Self>,
        handle: Handle,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        store.with(|mut access| {
            let view = access.get();
            socket_mut(view.table, &handle)?.start_connect(view.interface, remote_address.into())?;
            SocketResult::Ok(())
        })?;
        poll_fn(|cx| {
            store.with(|mut access| {
                let socket = socket_mut(access.get().table, &handle)?;
                socket.poll_connected(cx).map_err(SocketError::from)
            })
        })
        .await
    }

    fn listen(mut store: Access<'_, T, Self>, handle: Handle) -> SocketResult<StreamReader<Handle>> {
        let view = store.getter();
        let SocketsView { interface, table } = store.get();
        let socket = socket_mut(table, &handle)?;
        let listener = socket.listen(interface)?;
        let incoming = Incoming { listener, family: socket.family(), options: socket.options.clone(), view };
        StreamReader::new(&mut store, incoming).map_err(SocketError::trap)
    }

    fn send(
        mut store: Access<'_, T, Self>,
        handle: Handle,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<Outcome> {
        match store.get().table.get_mut(&handle)?.take_sending() {
            Ok(stream) => {
                let (sending, outcome) = Sending::new(Arc::clone(&stream));
                data.pipe(&mut store, sending)?;
                FutureReader::new(&mut store, handed_on(stream, outcome))
            }
            Err(code) => {
                data.close(&mut store)?;
                FutureReader::new(&mut store, refused(code))
            }
        }
    }

    fn receive(
        mut store: Access<'_, T, Self>,
        handle: Handle,
    ) -> wasmtime::Result<(StreamReader<u8>, Outcome)> {
        match store.get().table.get_mut(&handle)?.take_receiving() {
            Ok(stream) => {
                let (receiving, outcome) = Receiving::new(stream);
                Ok((StreamReader::new(&mut store, receiving)?, FutureReader::new(&mut store, outcome)?))
            }
            Err(code) => Ok((
                StreamReader::new(&mut store, iter::empty())?,
                FutureReader::new(&mut store, refused(code))?,
            )),
        }
    }
}

impl HostTcpSocket for SocketsView<'_> {
    fn create(&mut self, family: IpAddressFamily) -> SocketResult<Handle> {
        self.table.push(TcpSocket::new(family.into())).map_err(errors::table)
    }

    fn bind(&mut self, handle: Handle, local_address: IpSocketAddress) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.bind(self.interface, local_address.into())?)
    }

    fn get_local_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.local_address()?.into())
    }

    fn get_remote_address(&mut self, handle: Handle) -> SocketResult<IpSocketAddress> {
        Ok(socket(self.table, &handle)?.remote_address()?.into())
    }

    fn get_is_listening(&mut self, handle: Handle) -> wasmtime::Result<bool> {
        Ok(self.table.get(&handle)?.is_listening())
    }

    fn get_address_family(&mut self, handle: Handle) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&handle)?.family().into())
    }

    fn set_listen_backlog_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket_mut(self.table, &handle)?.set_backlog(value)?)
    }

    fn get_keep_alive_enabled(&mut self, handle: Handle) -> SocketResult<bool> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.enabled())
    }

    fn set_keep_alive_enabled(&mut self, handle: Handle, value: bool) -> SocketResult<()> {
        socket(self.table, &handle)?.options.lock().keep_alive.set_enabled(value);
        Ok(())
    }

    fn get_keep_alive_idle_time(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.idle_time())
    }

    fn set_keep_alive_idle_time(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.set_idle_time(value)?)
    }

    fn get_keep_alive_interval(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.interval())
    }

    fn set_keep_alive_interval(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.set_interval(value)?)
    }

    fn get_keep_alive_count(&mut self, handle: Handle) -> SocketResult<u32> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.count())
    }

    fn set_keep_alive_count(&mut self, handle: Handle, value: u32) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().keep_alive.set_count(value)?)
    }

    fn get_hop_limit(&mut self, handle: Handle) -> SocketResult<u8> {
        Ok(socket(self.table, &handle)?.options.lock().socket.hop_limit())
    }

    fn set_hop_limit(&mut self, handle: Handle, value: u8) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().socket.set_hop_limit(value)?)
    }

    fn get_receive_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.lock().socket.receive_buffer_size())
    }

    fn set_receive_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().socket.set_receive_buffer_size(value)?)
    }

    fn get_send_buffer_size(&mut self, handle: Handle) -> SocketResult<u64> {
        Ok(socket(self.table, &handle)?.options.lock().socket.send_buffer_size())
    }

    fn set_send_buffer_size(&mut self, handle: Handle, value: u64) -> SocketResult<()> {
        Ok(socket(self.table, &handle)?.options.lock().socket.set_send_buffer_size(value)?)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
