//! Upgrades of deployments that run.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod bed;
mod gate;
mod kept;
mod ports;
mod refused;
mod storage;
mod unfinished;
mod walk;
