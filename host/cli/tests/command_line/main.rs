//! The command line as people and programs meet it: words, hints, exit codes.
//!
//! What people read is compared with the files in `tests/golden`; `BLESS=1 cargo test -p wasm-roles` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise: a panic is its report"
)]

mod bad_input;
mod components;
mod data;
mod development;
mod documentation;
mod golden;
mod host_policy;
mod inspect;
mod life_cycle_page;
mod service;
mod session;
