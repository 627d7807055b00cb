//! `wasi:sockets/types.tcp-socket` 0.3.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::oneshot;
use wasm_roles_virtual_network::{BoundTcp, TcpStream};
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};

use super::bindings::wasi::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore, IpAddressFamily, IpSocketAddress,
};
use super::streams::{Accepting, Outcome, Receiving, Sending};
use super::{SocketError, SocketResult, fits, net_error, socket_address, table_error};
use crate::options::{TcpOptions, set_positive};
use crate::{Sockets, SocketsView};

/// A TCP socket, in one of the states of the WIT document.
pub struct TcpSocket {
    family: IpAddressFamily,
    options: TcpOptions,
    state: State,
}

enum State {
    Unbound,
    Bound(BoundTcp),
    Listening(SocketAddr),
    Connecting,
    Connected(Connected),
    Closed,
}

struct Connected {
    stream: Arc<TcpStream>,
    /// Each direction can be taken once.
    sending_taken: bool,
    receiving_taken: bool,
}

impl Connected {
    fn new(stream: TcpStream) -> Self {
        Self { stream: Arc::new(stream), sending_taken: false, receiving_taken: false }
    }
}

/// What an accepted socket inherits from the listening one.
pub(super) struct Accepted {
    family: IpAddressFamily,
    options: TcpOptions,
}

impl Accepted {
    pub(super) fn socket(&self, stream: TcpStream) -> TcpSocket {
        TcpSocket {
            family: self.family,
            options: self.options.clone(),
            state: State::Connected(Connected::new(stream)),
        }
    }
}

impl TcpSocket {
    fn new(family: IpAddressFamily) -> Self {
        Self { family, options: TcpOptions::default(), state: State::Unbound }
    }

    fn check_family(&self, address: SocketAddr) -> SocketResult<()> {
        if fits(self.family, address) { Ok(()) } else { Err(ErrorCode::InvalidArgument.into()) }
    }

    /// Takes the state of a socket that has not been used yet; none if it has one.
    fn take_fresh(&mut self) -> SocketResult<Option<BoundTcp>> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Unbound => Ok(None),
            State::Bound(bound) => Ok(Some(bound)),
            other => {
                self.state = other;
                Err(ErrorCode::InvalidState.into())
            }
        }
    }

    /// The wildcard with any port, for listening without having bound.
    fn any_address(&self) -> SocketAddr {
        let ip = match self.family {
            IpAddressFamily::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddressFamily::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(ip, 0)
    }
}

impl SocketsView<'_> {
    fn tcp3(&mut self, socket: &Resource<TcpSocket>) -> SocketResult<&mut TcpSocket> {
        self.table.get_mut(socket).map_err(table_error)
    }
}

impl<T: Send + 'static> HostTcpSocketWithStore<T> for Sockets {
    async fn connect(
        store: &Accessor<T, Self>,
        this: Resource<TcpSocket>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let connecting = store.with(|mut access| {
            let mut view = access.get();
            let (address, interface) = (address.into(), view.interface);
            let socket = view.tcp3(&this)?;
            socket.check_family(address)?;
            let connecting = match socket.take_fresh()? {
                Some(bound) => bound.connect(address),
                None => interface.connect(address),
            };
            let connecting = connecting.map_err(net_error)?;
            socket.state = State::Connecting;
            Ok::<_, SocketError>(connecting)
        })?;
        let connected = connecting.await;
        store.with(|mut access| {
            let mut view = access.get();
            let socket = view.tcp3(&this)?;
            socket.state = State::Closed;
            socket.state = State::Connected(Connected::new(connected.map_err(net_error)?));
            Ok(())
        })
    }

    fn listen(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
    ) -> SocketResult<StreamReader<Resource<TcpSocket>>> {
        let view = store.getter();
        let (listener, accepted) = {
            let mut sockets = store.get();
            let interface = sockets.interface;
            let socket = sockets.tcp3(&this)?;
            let bound = match socket.take_fresh()? {
                Some(bound) => bound,
                None => interface.bind(socket.any_address()).map_err(net_error)?,
            };
            let listener = bound.listen(socket.options.backlog()).map_err(net_error)?;
            socket.state = State::Listening(listener.local_address());
            (listener, Accepted { family: socket.family, options: socket.options.clone() })
        };
        StreamReader::new(&mut store, Accepting { listener, accepted, view }).map_err(SocketError::trap)
    }

    fn send(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Outcome>> {
        let stream = match &mut store.get().table.get_mut(&this)?.state {
            State::Connected(connected) if !connected.sending_taken => {
                connected.sending_taken = true;
                Arc::clone(&connected.stream)
            }
            _ => {
                data.close(&mut store)?;
                return invalid_state(&mut store);
            }
        };
        let (outcome, result) = oneshot::channel();
        data.pipe(&mut store, Sending { stream, outcome: Some(outcome) })?;
        FutureReader::new(&mut store, result)
    }

    fn receive(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Outcome>)> {
        let stream = match &mut store.get().table.get_mut(&this)?.state {
            State::Connected(connected) if !connected.receiving_taken => {
                connected.receiving_taken = true;
                Arc::clone(&connected.stream)
            }
            _ => {
                let nothing = StreamReader::new(&mut store, std::iter::empty())?;
                return Ok((nothing, invalid_state(&mut store)?));
            }
        };
        let (outcome, result) = oneshot::channel();
        let bytes = StreamReader::new(&mut store, Receiving { stream, outcome: Some(outcome) })?;
        Ok((bytes, FutureReader::new(&mut store, result)?))
    }
}

fn invalid_state<T: Send + 'static>(
    store: &mut Access<'_, T, Sockets>,
) -> wasmtime::Result<FutureReader<Outcome>> {
    FutureReader::new(store, async { wasmtime::error::Ok(Err(ErrorCode::InvalidState)) })
}

/// Reading and setting an option: `name, get_name, set_name: type, how to set it`.
macro_rules! options {
    ($($option:ident, $get:ident, $set:ident: $type:ty, $assign:expr;)*) => { $(
        fn $get(&mut self, this: Resource<TcpSocket>) -> SocketResult<$type> {
            Ok(self.tcp3(&this)?.options.$option)
        }

        fn $set(&mut self, this: Resource<TcpSocket>, value: $type) -> SocketResult<()> {
            let set: fn(&mut $type, $type) -> Result<(), crate::options::NotAllowed> = $assign;
            set(&mut self.tcp3(&this)?.options.$option, value).map_err(|error| ErrorCode::from(error).into())
        }
    )* };
}

impl HostTcpSocket for SocketsView<'_> {
    fn create(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.table.push(TcpSocket::new(family)).map_err(table_error)
    }

    fn bind(&mut self, this: Resource<TcpSocket>, address: IpSocketAddress) -> SocketResult<()> {
        let (address, interface) = (address.into(), self.interface);
        let socket = self.tcp3(&this)?;
        if !matches!(socket.state, State::Unbound) {
            return Err(ErrorCode::InvalidState.into());
        }
        socket.check_family(address)?;
        socket.state = State::Bound(interface.bind(address).map_err(net_error)?);
        Ok(())
    }

    fn get_local_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match &self.tcp3(&this)?.state {
            State::Bound(bound) => Ok(socket_address(bound.local_address())),
            State::Listening(address) => Ok(socket_address(*address)),
            State::Connected(connected) => Ok(socket_address(connected.stream.local_address())),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn get_remote_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match &self.tcp3(&this)?.state {
            State::Connected(connected) => Ok(socket_address(connected.stream.peer_address())),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn get_is_listening(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(matches!(self.table.get(&this)?.state, State::Listening(_)))
    }

    fn get_address_family(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.family)
    }

    fn set_listen_backlog_size(&mut self, this: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        let socket = self.tcp3(&this)?;
        match socket.state {
            // Changing it later is optional in the document; the network keeps the backlog that it was given.
            State::Listening(_) => Err(ErrorCode::NotSupported.into()),
            State::Connecting | State::Connected(_) | State::Closed => Err(ErrorCode::InvalidState.into()),
            _ => set_positive(&mut socket.options.backlog, value).map_err(|error| ErrorCode::from(error).into()),
        }
    }

    options! {
        keep_alive_enabled, get_keep_alive_enabled, set_keep_alive_enabled: bool, |option, value| {
            *option = value;
            Ok(())
        };
        keep_alive_idle_time, get_keep_alive_idle_time, set_keep_alive_idle_time: u64, set_positive;
        keep_alive_interval, get_keep_alive_interval, set_keep_alive_interval: u64, set_positive;
        keep_alive_count, get_keep_alive_count, set_keep_alive_count: u32, set_positive;
        hop_limit, get_hop_limit, set_hop_limit: u8, set_positive;
        receive_buffer_size, get_receive_buffer_size, set_receive_buffer_size: u64, set_positive;
        send_buffer_size, get_send_buffer_size, set_send_buffer_size: u64, set_positive;
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
