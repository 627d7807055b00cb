//! Sites and their static content, as the server asks them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod bed;
mod choosing;
mod conditions;
mod forms;
mod ranges;
mod sending;
mod tricks;
