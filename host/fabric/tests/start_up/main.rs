//! Start-up tasks, environment variables and contents, from the text of a definition to real programs.
//!
//! Needs the test guests: `cargo xtask guests`. Time is paused: a second here is no second.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

mod attributes;
mod bed;
mod environment;
mod missing;
mod sharing;
mod storage;
mod tasks;
