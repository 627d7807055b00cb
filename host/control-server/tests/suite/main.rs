//! The server end to end: over real sockets, with the client and without, for an operator that does nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test may stop at the first surprise"
)]

mod bed;
mod contract;
mod fake;
mod interface;
mod limits;
mod metrics;
mod otlp;
#[path = "../../../control-interface/tests/schema/mod.rs"]
mod schema;
mod streams;
mod who_may_ask;
