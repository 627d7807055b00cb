//! Serves the interface for operating services.
//!
//! ```text
//! Unix socket, 0600 ──► owner ──────┐
//!                                   ├─► path table ─► Operator ─► answer, or a stream of lines
//! TCP ──► token ──► tenant ─────────┘
//! ```
//!
//! [`Server`] knows HTTP, sockets and who may ask; what is asked for is done by an [`Operator`]. [`otlp`] tells a collector of
//! OpenTelemetry what the same operator has to tell. Nothing of a request
//! is believed: heads, bodies and packages have limits in size and time ([`ServerLimits`]), a connection has one request, and who
//! reads slowly slows nobody but itself.
//!
//! | who | over | for which tenant |
//! |---|---|---|
//! | a program of the user who runs the host | the Unix socket | any: header `wasm-roles-tenant`, otherwise `default` |
//! | a program of another user | the Unix socket | none |
//! | whoever has a token | TCP | the token's |
//! | anybody | TCP, at the address for metrics | all, and `GET /metrics` only |

mod answers;
mod arrivals;
mod door;
pub mod follow;
mod intake;
mod limits;
mod listen;
mod metrics;
mod operator;
pub mod otlp;
mod requests;
mod server;
#[cfg(unix)]
mod socket;
mod stall;
mod streams;
mod tokens;

pub use limits::ServerLimits;
pub use listen::ListenError;
pub use operator::{Answered, Caller, LineSource, Operator};
pub use server::Server;
pub use tokens::{TokenError, TokenFile, token_line};
