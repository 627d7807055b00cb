//! `wasi:sockets` 0.3.
//!
//! # States of TCP
//!
//! | state | `bind` | `connect` | `listen` | `send`, `receive` |
//! |---|---|---|---|---|
//! | unbound | yes | yes | yes, on a port that is chosen | `invalid-state` |
//! | bound | `invalid-state` | yes | yes | `invalid-state` |
//! | connecting, listening | `invalid-state` | `invalid-state` | `invalid-state` | `invalid-state` |
//! | connected | `invalid-state` | `invalid-state` | `invalid-state` | each once |
//! | closed: a connect or listen has failed | `invalid-state` | `invalid-state` | `invalid-state` | `invalid-state` |
//!
//! A call with an invalid argument leaves the state as it was. A connect waits only while the backlog of the peer is full.
//!
//! # States of UDP
//!
//! | state | `bind` | `connect` | `disconnect` | `send` | `receive` | `get-local-address` | `get-remote-address` |
//! |---|---|---|---|---|---|---|---|
//! | unbound | yes | yes, on a port that is chosen | `invalid-state` | yes, on a port that is chosen | `invalid-state` | `invalid-state` | `invalid-state` |
//! | bound | `invalid-state` | yes | `invalid-state` | to an address | yes | yes | `invalid-state` |
//! | connected | `invalid-state` | yes | yes | to the peer | from the peer | yes | yes |
//!
//! A call that fails leaves the state as it was; that holds for the implicit bind too. A send never waits. Any number of
//! `receive` may wait; they get the datagrams in the order of the calls.
//!
//! # Streams and futures
//!
//! * `listen`: a stream of connections, which ends when the interface fails. When the guest has no room left for another
//!   socket, the connection is closed and the stream goes on.
//! * `send`: the stream that the guest writes is taken in step with what the network takes. Its end is the end of this
//!   direction. The future resolves when everything has been handed on, or with the error that stopped it.
//! * `receive`: the stream ends with the peer's end, or with an error; the future says which. When the guest drops the
//!   stream it reads nothing any more.
//!
//! A zero-length read or write waits until the next one would not have to.
//!
//! # The end
//!
//! The socket, its streams and its futures all hold the connection, or the port of a listener. It is closed when the last
//! of them is dropped. UDP says `remote-unreachable` when the interface fails.
//!
//! # Options
//!
//! As in [0.2](crate::p2#options).

mod address;
mod bindings;
mod errors;
mod names;
mod streams;
mod tcp;
mod tcp_socket;
mod udp;
mod udp_socket;

use wasmtime::component::Linker;
use wasmtime_wasi::TrappableError;

use self::bindings::wasi::sockets::ip_name_lookup;
use self::bindings::wasi::sockets::types::{self, ErrorCode};
use crate::{Sockets, SocketsView};

/// What a call gives: a value, an error code for the guest, or a trap.
type SocketResult<T> = Result<T, SocketError>;
type SocketError = TrappableError<ErrorCode>;

/// Links all of `wasi:sockets` 0.3. `view` lends the sockets' part of the store's data.
///
/// # Errors
///
/// When one of its interfaces is linked already.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SocketsView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, Sockets>(linker, view)?;
    ip_name_lookup::add_to_linker::<T, Sockets>(linker, view)
}

impl types::Host for SocketsView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}
