//! The command line as people and programs meet it: words, hints, exit codes.
//!
//! What people read is compared with the files in `tests/golden`; `BLESS=1 cargo test -p wasm-roles` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise: a panic is its report"
)]

mod answers;
mod bad_input;
mod component_files;
mod components;
mod data;
mod development;
mod documentation;
mod fake_host;
mod golden;
mod host_policy;
mod inspect;
mod life_cycle_page;
mod observe;
mod operate;
mod serve;
mod service;
mod session;
mod shells;
#[cfg(unix)]
mod workshop;
