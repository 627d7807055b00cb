//! `wasi:sockets` 0.2 and 0.3 over a [virtual network](wasm_roles_virtual_network), for wasmtime.
//!
//! The stock sockets of wasmtime-wasi can only be sockets of the operating system. These are sockets of an [`Interface`]:
//! the embedder keeps one for each store and links [`p2::add_to_linker`], [`p3::add_to_linker`] or both, in place of
//! the stock ones. [`wasi`] links the rest of WASI without them.
//!
//! The two adapters translate and hold no logic: who may do what, and what a connection does, is decided by the
//! network. What they add is the state machine that the WIT documents prescribe for a socket resource.
//!
//! | WASI | here |
//! |---|---|
//! | `tcp-socket` | complete; options are checked, kept and read back, as the documents ask, and have no other effect |
//! | `udp-socket` | creating one answers `not-supported` |
//! | `ip-name-lookup` | the names of the network |
//!
//! What a guest sends is bounded before it is used: one read hands over at most 64 KiB, a backlog is clamped by the
//! network, and a full resource table or socket count is an error value.

mod address;
mod options;
pub mod p2;
pub mod p3;
pub mod wasi;

use wasm_roles_virtual_network::Interface;
use wasmtime::component::{HasData, ResourceTable};

/// What the adapters need of a store: the instance's interface and its table of resources.
pub struct SocketsView<'a> {
    /// The instance's way into the network.
    pub interface: &'a Interface,
    /// Where socket resources live.
    pub table: &'a mut ResourceTable,
}

/// Tells the generated bindings that they work on a [`SocketsView`].
pub(crate) struct Sockets;

impl HasData for Sockets {
    type Data<'a> = SocketsView<'a>;
}

/// The most bytes that one read hands to a guest, and one write takes from it.
const CHUNK: usize = 64 * 1024;
