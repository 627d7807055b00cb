//! Building the roles of a service, with tools that are small shell scripts: what is built, what is not, and what is said.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, in its helping functions too"
)]

mod bench;
mod changes;
mod failures;
mod layout;
