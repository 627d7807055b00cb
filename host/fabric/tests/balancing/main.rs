//! Public ports of a web role of three instances: affinity, probes, status, and connections that wait. Then public UDP,
//! certificates, their changes and upgrades, and TLS, each with a service of its own.
//!
//! Needs the test guests: `cargo xtask guests`. Time is paused: a second here is no second.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

mod bed;
mod certificate_changes;
mod certificates;
mod datagrams;
mod https;
mod passed_through;
mod ports;
mod probes;
mod service;
mod upgrades;
