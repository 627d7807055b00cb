//! Requests that guests of both versions of wasi:http send.

mod bed;
mod bodies;
mod certificates;
mod decisions;
mod failures;
mod servers;
mod times;

use bed::{BOTH, Bed};
