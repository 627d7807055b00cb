//! The web server of one role instance. It knows nothing of wasm: what answers is an [`Application`].
//!
//! ```text
//! connection -> server (HTTP/1.1, HTTP/2, limits, times) -> sites (port, host, path) -> a file, or the application
//! ```

mod access_log;
mod application;
mod client;
pub mod files;
mod server;
pub mod sites;

pub use access_log::{AccessLog, AccessLogFormat, AccessLogSink};
pub use application::{Application, BoxError};
pub use server::{
    Drain, ListenError, RequestBody, RequestBodyError, Server, ServerOptions, Slowest, Ticket, WebLimits,
};
