//! `wasi:sockets/tcp` 0.2.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use wasm_roles_virtual_network::{BoundTcp, Connecting, TcpListener, TcpStream};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, Pollable, subscribe};

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::tcp::{Host, HostTcpSocket, ShutdownType};
use super::bindings::wasi::sockets::tcp_create_socket;
use super::streams::{Receiving, Sending};
use super::{InstanceNetwork, SocketResult, fits, net_error, socket_address, table_error};
use crate::SocketsView;
use crate::options::{TcpOptions, set_positive};

/// A TCP socket, in one of the states of the WIT document.
pub struct TcpSocket {
    family: IpAddressFamily,
    options: TcpOptions,
    state: State,
}

enum State {
    Unbound,
    /// `start-bind` has done it all; `finish-bind` only says so.
    BindStarted(BoundTcp),
    Bound(BoundTcp),
    /// As above, for listening.
    ListenStarted(TcpListener),
    Listening(TcpListener),
    Connecting(Connecting),
    Connected(Arc<TcpStream>),
    Closed,
}

impl State {
    /// The code for an operation that does not fit this state.
    fn refusal(&self) -> ErrorCode {
        match self {
            Self::BindStarted(_) | Self::ListenStarted(_) | Self::Connecting(_) => ErrorCode::ConcurrencyConflict,
            _ => ErrorCode::InvalidState,
        }
    }

    /// Takes the state out, if `fitting` says that it is the right one; what is left is Closed.
    fn take(&mut self, fitting: impl FnOnce(&Self) -> bool, otherwise: ErrorCode) -> SocketResult<Self> {
        if fitting(self) { Ok(std::mem::replace(self, Self::Closed)) } else { Err(otherwise.into()) }
    }
}

impl TcpSocket {
    fn new(family: IpAddressFamily) -> Self {
        Self { family, options: TcpOptions::default(), state: State::Unbound }
    }

    fn check_family(&self, address: SocketAddr) -> SocketResult<()> {
        if fits(self.family, address) { Ok(()) } else { Err(ErrorCode::InvalidArgument.into()) }
    }
}

#[async_trait::async_trait]
impl Pollable for TcpSocket {
    async fn ready(&mut self) {
        poll_fn(|cx| match &mut self.state {
            State::Listening(listener) => listener.poll_ready(cx),
            State::Connecting(connecting) => connecting.poll_ready(cx),
            _ => Poll::Ready(()),
        })
        .await;
    }
}

type Connection = (Resource<DynInputStream>, Resource<DynOutputStream>);

impl SocketsView<'_> {
    fn tcp(&mut self, socket: &Resource<TcpSocket>) -> SocketResult<&mut TcpSocket> {
        self.table.get_mut(socket).map_err(table_error)
    }

    fn streams(&mut self, socket: &Resource<TcpSocket>, stream: &Arc<TcpStream>) -> SocketResult<Connection> {
        let receiving: DynInputStream = Box::new(Receiving(Arc::clone(stream)));
        let sending: DynOutputStream = Box::new(Sending::new(Arc::clone(stream)));
        let receiving = self.table.push_child(receiving, socket).map_err(table_error)?;
        match self.table.push_child(sending, socket) {
            Ok(sending) => Ok((receiving, sending)),
            Err(error) => {
                // The table is full: nothing of a connection that could not be handed out may stay behind in it.
                self.table.delete(receiving).map_err(table_error)?;
                Err(table_error(error))
            }
        }
    }
}

impl tcp_create_socket::Host for SocketsView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.table.push(TcpSocket::new(family)).map_err(table_error)
    }
}

impl Host for SocketsView<'_> {}

/// Reading and setting an option: `name, set_name: type, how to set it`.
macro_rules! options {
    ($($get:ident, $set:ident: $type:ty, $assign:expr;)*) => { $(
        fn $get(&mut self, this: Resource<TcpSocket>) -> SocketResult<$type> {
            Ok(self.tcp(&this)?.options.$get)
        }

        fn $set(&mut self, this: Resource<TcpSocket>, value: $type) -> SocketResult<()> {
            let set: fn(&mut $type, $type) -> Result<(), crate::options::NotAllowed> = $assign;
            set(&mut self.tcp(&this)?.options.$get, value).map_err(|error| ErrorCode::from(error).into())
        }
    )* };
}

impl HostTcpSocket for SocketsView<'_> {
    fn start_bind(
        &mut self,
        this: Resource<TcpSocket>,
        _: Resource<InstanceNetwork>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let (address, interface) = (address.into(), self.interface);
        let socket = self.tcp(&this)?;
        if !matches!(socket.state, State::Unbound) {
            return Err(socket.state.refusal().into());
        }
        socket.check_family(address)?;
        socket.state = State::BindStarted(interface.bind(address).map_err(net_error)?);
        Ok(())
    }

    fn finish_bind(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let socket = self.tcp(&this)?;
        let started = |state: &State| matches!(state, State::BindStarted(_));
        if let State::BindStarted(bound) = socket.state.take(started, ErrorCode::NotInProgress)? {
            socket.state = State::Bound(bound);
        }
        Ok(())
    }

    fn start_connect(
        &mut self,
        this: Resource<TcpSocket>,
        _: Resource<InstanceNetwork>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let (address, interface) = (address.into(), self.interface);
        let socket = self.tcp(&this)?;
        socket.check_family(address)?;
        let refusal = socket.state.refusal();
        let fitting = |state: &State| matches!(state, State::Unbound | State::Bound(_));
        let connecting = match socket.state.take(fitting, refusal)? {
            State::Bound(bound) => bound.connect(address),
            _ => interface.connect(address),
        };
        socket.state = State::Connecting(connecting.map_err(net_error)?);
        Ok(())
    }

    fn finish_connect(&mut self, this: Resource<TcpSocket>) -> SocketResult<Connection> {
        let socket = self.tcp(&this)?;
        let State::Connecting(connecting) = &mut socket.state else {
            return Err(ErrorCode::NotInProgress.into());
        };
        let outcome = connecting.try_finish().ok_or(ErrorCode::WouldBlock)?;
        socket.state = State::Closed;
        let stream = Arc::new(outcome.map_err(net_error)?);
        socket.state = State::Connected(Arc::clone(&stream));
        self.streams(&this, &stream)
    }

    fn start_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let socket = self.tcp(&this)?;
        let refusal = socket.state.refusal();
        let bound = |state: &State| matches!(state, State::Bound(_));
        if let State::Bound(bound) = socket.state.take(bound, refusal)? {
            socket.state = State::ListenStarted(bound.listen(socket.options.backlog()).map_err(net_error)?);
        }
        Ok(())
    }

    fn finish_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let socket = self.tcp(&this)?;
        let started = |state: &State| matches!(state, State::ListenStarted(_));
        if let State::ListenStarted(listener) = socket.state.take(started, ErrorCode::NotInProgress)? {
            socket.state = State::Listening(listener);
        }
        Ok(())
    }

    fn accept(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let socket = self.tcp(&this)?;
        let State::Listening(listener) = &socket.state else {
            return Err(ErrorCode::InvalidState.into());
        };
        let stream = listener.try_accept().map_err(net_error)?.ok_or(ErrorCode::WouldBlock)?;
        let stream = Arc::new(stream);
        let accepted = TcpSocket {
            family: socket.family,
            options: socket.options.clone(),
            state: State::Connected(Arc::clone(&stream)),
        };
        let accepted = self.table.push(accepted).map_err(table_error)?;
        match self.streams(&accepted, &stream) {
            Ok((receiving, sending)) => Ok((accepted, receiving, sending)),
            Err(error) => {
                self.table.delete(accepted).map_err(table_error)?;
                Err(error)
            }
        }
    }

    fn local_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match &self.tcp(&this)?.state {
            State::Bound(bound) => Ok(socket_address(bound.local_address())),
            State::ListenStarted(listener) | State::Listening(listener) => {
                Ok(socket_address(listener.local_address()))
            }
            State::Connected(stream) => Ok(socket_address(stream.local_address())),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn remote_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match &self.tcp(&this)?.state {
            State::Connected(stream) => Ok(socket_address(stream.peer_address())),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn is_listening(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(matches!(self.table.get(&this)?.state, State::Listening(_)))
    }

    fn address_family(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.family)
    }

    fn set_listen_backlog_size(&mut self, this: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        let socket = self.tcp(&this)?;
        match socket.state {
            // Changing it later is optional in the document; the network keeps the backlog that it was given.
            State::Listening(_) | State::ListenStarted(_) => Err(ErrorCode::NotSupported.into()),
            State::Connecting(_) | State::Connected(_) | State::Closed => Err(ErrorCode::InvalidState.into()),
            _ => set_positive(&mut socket.options.backlog, value).map_err(|error| ErrorCode::from(error).into()),
        }
    }

    options! {
        keep_alive_enabled, set_keep_alive_enabled: bool, |option, value| { *option = value; Ok(()) };
        keep_alive_idle_time, set_keep_alive_idle_time: u64, set_positive;
        keep_alive_interval, set_keep_alive_interval: u64, set_positive;
        keep_alive_count, set_keep_alive_count: u32, set_positive;
        hop_limit, set_hop_limit: u8, set_positive;
        receive_buffer_size, set_receive_buffer_size: u64, set_positive;
        send_buffer_size, set_send_buffer_size: u64, set_positive;
    }

    fn subscribe(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, this)
    }

    fn shutdown(&mut self, this: Resource<TcpSocket>, direction: ShutdownType) -> SocketResult<()> {
        let State::Connected(stream) = &self.tcp(&this)?.state else {
            return Err(ErrorCode::InvalidState.into());
        };
        if matches!(direction, ShutdownType::Send | ShutdownType::Both) {
            stream.shutdown_write();
        }
        if matches!(direction, ShutdownType::Receive | ShutdownType::Both) {
            stream.shutdown_read();
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
