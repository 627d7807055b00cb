//! `wasi:sockets` 0.2.
//!
//! # TCP: start and finish
//!
//! Operations come in pairs, `start-` and `finish-`. Bind and listen are over when they have started. A connect may wait for
//! room in the backlog of the peer; until then `finish-connect` says `would-block`.
//!
//! | state | `start-bind` | `start-connect` | `start-listen` | `accept` | `shutdown` |
//! |---|---|---|---|---|---|
//! | unbound | yes | yes | `invalid-state` | `invalid-state` | `invalid-state` |
//! | bound | `invalid-state` | yes | yes | `invalid-state` | `invalid-state` |
//! | listening | `invalid-state` | `invalid-state` | `invalid-state` | yes | `invalid-state` |
//! | connected | `invalid-state` | `invalid-state` | `invalid-state` | `invalid-state` | yes |
//! | between start and finish | `concurrency-conflict` | `concurrency-conflict` | `concurrency-conflict` | `invalid-state` | `invalid-state` |
//! | closed: a connect or listen has failed | `invalid-state` | `invalid-state` | `invalid-state` | `invalid-state` | `invalid-state` |
//!
//! A `finish-` without its `start-` is `not-in-progress`. A `start-` with an invalid argument leaves the state as it was.
//!
//! # UDP
//!
//! | state | `start-bind` | `finish-bind` | `stream` | `local-address` | `remote-address` |
//! |---|---|---|---|---|---|
//! | unbound | yes | `not-in-progress` | `invalid-state` | `invalid-state` | `invalid-state` |
//! | between start and finish | `concurrency-conflict` | yes | `concurrency-conflict` | `invalid-state` | `invalid-state` |
//! | bound | `invalid-state` | `not-in-progress` | yes | yes | with a peer |
//!
//! A `stream` that fails leaves the peer as it was. It traps while streams of an earlier call exist, as the interface
//! allows and wasmtime-wasi does. A send never waits: `check-send` always permits 16 datagrams, and a `send` of more, or a
//! second one, traps.
//!
//! # Pollables
//!
//! That of a stream of incoming datagrams is ready when `receive` gives a datagram or an error, that of outgoing ones
//! and that of a UDP socket always. That of a TCP socket is ready when `finish-connect` or `accept` would not block, and in every other state at once. That of an
//! input stream is ready when a read gives data, the end or an error; that of an output stream when `check-write` gives
//! more than 0 or an error, which after a `flush` means that everything before it has been handed on.
//!
//! # The end
//!
//! A connection lives as long as its socket or one of its streams. When the interface fails, `accept` says
//! `connection-aborted`, streams fail with `connection-reset` and UDP says `remote-unreachable`; all pollables that wait for them wake up.
//!
//! # Options
//!
//! See the interfaces: what they accept is kept and read back, and changes nothing, since there are no packets. Sizes of
//! buffers are clamped to what the network has. The size of the backlog is the exception: it has an effect, and can be set
//! until the socket listens. A socket that is accepted has the options that its listener has at that moment.
//!
//! # Sentence by sentence
//!
//! `tests/semantics.md` has a row for every documented answer of every call, and says where and why the sockets of
//! wasmtime-wasi answer otherwise.

mod address;
mod bindings;
mod errors;
mod names;
mod streams;
mod tcp;
mod tcp_socket;
mod udp;
mod udp_socket;

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;

use self::bindings::wasi::sockets::network::{self, ErrorCode};
use self::bindings::wasi::sockets::{
    instance_network, ip_name_lookup, tcp as tcp_interface, tcp_create_socket, udp as udp_interface,
    udp_create_socket,
};
use crate::{Sockets, SocketsView};

/// What a call gives: a value, an error code for the guest, or a trap.
type SocketResult<T> = Result<T, SocketError>;
type SocketError = TrappableError<ErrorCode>;

/// The right to use the network. There is one network, so the handle says nothing; but a guest must have one.
pub struct Network;

/// Links all of `wasi:sockets` 0.2. `view` lends the sockets' part of the store's data.
///
/// # Errors
///
/// When one of its interfaces is linked already.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SocketsView<'_>,
) -> wasmtime::Result<()> {
    network::add_to_linker::<T, Sockets>(linker, &network::LinkOptions::default(), view)?;
    instance_network::add_to_linker::<T, Sockets>(linker, view)?;
    ip_name_lookup::add_to_linker::<T, Sockets>(linker, view)?;
    tcp_interface::add_to_linker::<T, Sockets>(linker, view)?;
    tcp_create_socket::add_to_linker::<T, Sockets>(linker, view)?;
    udp_interface::add_to_linker::<T, Sockets>(linker, view)?;
    udp_create_socket::add_to_linker::<T, Sockets>(linker, view)
}

impl network::Host for SocketsView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().copied())
    }
}

impl network::HostNetwork for SocketsView<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(network)?;
        Ok(())
    }
}

impl instance_network::Host for SocketsView<'_> {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        Ok(self.table.push(Network)?)
    }
}
