//! The controller: a host of many deployments, of many tenants.
//!
//! ```text
//! Controller ──► Service (production, staging) ──► Unit ──► Claim ──► Deployment   one operation at a time
//!     │               │ service.json                │ deployment.json
//!     └── Operations  └──── record: what a host that was killed brings back
//! ```
//!
//! [`Controller::open`] takes a data folder and brings back what is in it. Everything that can be asked of a host is a method of
//! [`Controller`], for one tenant; requests, answers and refusals are the types of the interface
//! ([`wasm_roles_control_interface`]).
//!
//! What a tenant sends is hostile: its packages are unpacked with bounds ([`package`]), and stay inside their own folders. What it
//! may have is capped ([`tenants`]).

mod controller;
mod failpoint;
mod host;
mod journal;
mod launch;
mod lock;
mod operations;
mod operator;
pub mod package;
mod record;
mod service;
mod sources;
pub mod tenants;
#[cfg(test)]
mod tests;
mod unit;
mod walks;
mod words;

pub use controller::{Adopted, Adoption, Controller, Lines, OpenError, Recovery, Renewal};
pub use host::HostOptions;
pub use journal::Retention;
pub use launch::Defaults;
pub use lock::DataDirError;
pub use package::PackageLimits;
pub use sources::Sources;
pub use tenants::{Caps, Ports, Tenants};
