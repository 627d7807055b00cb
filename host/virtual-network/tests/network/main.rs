//! The network as its users see it: instances that bind, listen, connect, send, and do all of it badly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod bed;
mod connect;
mod datagrams;
mod flows;
mod hostile;
mod life_cycle;
mod outside;
mod policing;
mod sockets;
mod transfer;
mod transports;
