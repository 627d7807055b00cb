//! Instances that come and go while a service runs.
//!
//! Needs the test guests: `cargo xtask guests`. Time is paused: half an hour here takes none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

mod bed;
mod public_ports;
mod told;
mod unfinished;
