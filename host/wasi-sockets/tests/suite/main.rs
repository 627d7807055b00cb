//! Everything here runs guests. It is one program, since each program with wasmtime in it takes long to link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

mod bed;
mod guests;
mod linking;
mod states;
mod udp;
mod udp_states;
