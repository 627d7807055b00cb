//! Operating a deployment that runs, with clients that never stop: single instances are recycled, stopped and started, roles
//! grow and shrink, and two deployments exchange their public sides. No client notices, but for the streams of an instance
//! whose time to stop is over.
//!
//! Needs the test guests: `cargo xtask guests`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

mod bed;
mod load;
mod orders;
mod over_tls;
mod swap;
mod under_load;
