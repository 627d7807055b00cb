//! The network as its users see it: instances that bind, listen, connect, send, and do all of it badly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod bed;
mod capture;
mod companion;
mod connect;
mod counters;
mod datagrams;
mod faults;
mod flows;
mod hostile;
mod layers;
mod life_cycle;
mod memory;
mod outside;
mod policing;
mod public_datagrams;
mod public_side;
mod sockets;
mod transfer;
mod transports;
mod way_out;
