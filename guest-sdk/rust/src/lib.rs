//! Write a role of a cloud service as a WebAssembly component.
//!
//! A role is a struct that implements [`Role`]: `on_start`, then [`run`](Role::run), then `on_stop`, all of them
//! `async`. One macro makes the component's exports: [`export_role!`], or [`export_web_role!`] for a role that answers
//! HTTP requests too. [`RoleEnvironment`] tells the role who it is, who else is there, and what its settings are.
//! [`net`] has the TCP sockets. `println!` and `eprintln!` write to the log of the instance.
//!
//! Build a role with `crate-type = ["cdylib"]` and `cargo build --target wasm32-wasip2`. The crate also compiles for the
//! developer's machine, where a role's own unit tests run without a host: [`testing`] answers instead of the fabric.
//!
//! # One thread, many tasks
//!
//! An instance has one thread. `run`, the events and every HTTP request are tasks that take turns on it: while one awaits,
//! the others go on. So `Cell` and `RefCell` are all that a role needs to share state, and a task that
//! computes for long, or blocks in `std::net` or `std::thread::sleep`, holds up all the others.
//!
//! A panic ends the instance: its message goes to the log, and the fabric starts the instance again.
//!
//! # A worker role that answers on its endpoint
//!
//! ```no_run
#![doc = include_str!("../examples/echo.rs")]
//! ```
//!
//! # Settings, changes and recycling
//!
//! ```no_run
#![doc = include_str!("../examples/ticker.rs")]
//! ```
//!
//! # A web role
//!
//! ```no_run
#![doc = include_str!("../examples/hello-web.rs")]
//! ```

#[doc(hidden)]
pub mod bindings;
mod environment;
#[doc(hidden)]
pub mod export;
pub mod http;
pub mod net;
mod role;
mod task;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use environment::{
    Endpoint, EndpointKind, LocalResource, Protocol, RoleEnvironment, RoleInfo, RoleInstance, UnknownName,
};
pub use role::{Change, Role, RoleResult, Status, Verdict};
pub use task::{Elapsed, Task, sleep, spawn, timeout};
