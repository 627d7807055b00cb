//! `wasi:sockets` 0.2 and 0.3 for [wasmtime], over a [virtual network](wasm_roles_virtual_network).
//!
//! A guest that is linked with this crate believes that it has the sockets of an operating system. It has those of the
//! [`Interface`] that its store holds: what it may bind, reach and look up is the decision of the network's policy, and no
//! call here opens a socket of the operating system.
//!
//! # How to use it
//!
//! The store's data holds an [`Interface`] beside the `ResourceTable` of WASI, and lends both as a [`SocketsView`]. Link
//! [`wasi::p2`] and [`wasi::p3`] for the rest of WASI, since wasmtime-wasi's own `add_to_linker` would bring the stock
//! sockets, then [`p2::add_to_linker`] and [`p3::add_to_linker`]. A program may use both versions at once.
//!
//! ```no_run
//! use wasm_roles_virtual_network::Interface;
//! use wasm_roles_wasi_sockets::{SocketsView, p2, p3, wasi};
//! use wasmtime::Engine;
//! use wasmtime::component::{Linker, ResourceTable};
//! use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
//!
//! struct State {
//!     wasi: WasiCtx,
//!     table: ResourceTable,
//!     interface: Interface,
//! }
//!
//! impl State {
//!     fn sockets(&mut self) -> SocketsView<'_> {
//!         SocketsView { interface: &self.interface, table: &mut self.table }
//!     }
//! }
//!
//! impl WasiView for State {
//!     fn ctx(&mut self) -> WasiCtxView<'_> {
//!         WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
//!     }
//! }
//!
//! fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
//!     let mut linker = Linker::new(engine);
//!     wasi::p2::add_to_linker(&mut linker)?;
//!     wasi::p3::add_to_linker(&mut linker)?;
//!     p2::add_to_linker(&mut linker, State::sockets)?;
//!     p3::add_to_linker(&mut linker, State::sockets)?;
//!     Ok(linker)
//! }
//! ```
//!
//! # What the adapters do, and what they leave to the network
//!
//! | here | in the network |
//! |---|---|
//! | the states of a socket, as the interfaces document them | binds, connects, listens, sends, names: whether and how |
//! | which arguments are invalid | what is denied |
//! | [options](p2#options): validated, kept, read back | buffers, back-pressure, backlog, time-outs, loss |
//! | which error code a call may give | which error happened |
//!
//! A call gives only codes that the interface documents for it or allows everywhere. That is more than tidiness: wasi-libc
//! aborts the guest on `invalid-state` where it has checked the state itself.
//!
//! # What guests can do to it
//!
//! Sockets are capped by the interface, resources by the capacity of the table; a full table is an error where the
//! interface has one for it (`new-socket-limit`, `out-of-memory`) and a trap elsewhere. One read or write moves at most
//! 64 KiB, and one receive of datagrams stops when it has as much, so a guest cannot make the host allocate more by asking
//! for more.

mod address;
mod options;
pub mod p2;
pub mod p3;
pub mod wasi;

use wasm_roles_virtual_network::Interface;
use wasmtime::component::{HasData, ResourceTable};

/// The most that one read or write moves, in bytes.
const CHUNK: usize = 64 * 1024;

/// Connections that wait to be accepted, for guests that do not say how many.
const DEFAULT_BACKLOG: usize = 128;

/// What the sockets of one store need of its data.
#[derive(Debug)]
pub struct SocketsView<'a> {
    /// The network as this guest has it.
    pub interface: &'a Interface,
    /// Where the guest's resources are: the table that WASI uses too.
    pub table: &'a mut ResourceTable,
}

/// Says to the generated code what it gets out of the store's data.
struct Sockets;

impl HasData for Sockets {
    type Data<'a> = SocketsView<'a>;
}
