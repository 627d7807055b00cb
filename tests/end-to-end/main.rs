//! The whole thing, as a user has it: the binary, real service definitions, real components, real signals.
//!
//! These tests are part of the package of the binary (host/cli), because cargo tells only its own tests where it is. They
//! need the guests that `cargo xtask guests` builds, and fail without them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, in its helping functions too"
)]

mod browser;
mod c_roles;
mod guestbook;
mod host_process;
mod http_exchange;
mod javascript_roles;
mod kill_nine;
mod languages;
mod last_words;
mod lifecycle;
mod misbehaving;
mod network;
mod plain_programs;
mod polyglot;
mod python_roles;
mod recycling;
mod scenarios;
mod static_sites;
mod stock_components;
mod stopping;
mod templates;
mod tools;
mod tutorial;
mod watch;
