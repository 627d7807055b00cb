//! Everything here runs guests. It is one program, since each program with wasmtime in it takes long to link.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test may stop at the first surprise"
)]

mod attacks;
mod bed;
mod guests;
mod linking;
mod no_bypass;
mod semantics;
mod stock;
mod udp;
mod way_out;
