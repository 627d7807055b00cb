//! One incarnation of one instance, with the test guests that `cargo xtask guests` builds. One program for all of it:
//! each program with an engine in it takes minutes to link.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise, in its helping functions too"
)]

mod bed;
mod blocking;
mod ends;
mod environment;
mod events;
mod http_out;
mod life_cycle;
mod programs;
mod response_bodies;
mod sdk_examples;
mod storage;
mod web;
