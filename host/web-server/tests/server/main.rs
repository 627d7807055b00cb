//! The server, as clients of every kind meet it: over the virtual network, with raw bytes and with hyper.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod access_log;
mod bad_requests;
mod bed;
mod bodies;
mod client;
mod connections;
mod drain;
mod http2;
mod queue;
mod slow;
