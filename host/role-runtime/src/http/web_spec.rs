//! What a web role's instance gets for its web server.

use std::num::NonZeroU16;
use std::sync::Arc;

use wasm_roles_web_server::sites::Sites;
use wasm_roles_web_server::{AccessLog, WebLimits};

/// Which instances of its component answer the requests of a `wasi:http` 0.2 handler. Handlers of 0.3 always share
/// one: they can answer many requests at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebInstances {
    /// One for all requests, the one that also runs the entry-point: they come in one at a time, and what one leaves in
    /// memory is there for the next. A request costs a tenth of what it costs with an instance of its own
    /// (BENCHMARKS.md, "A web role").
    Shared,
    /// A fresh one for each request, many at a time. Nothing in memory is shared, neither with the next request nor with
    /// the entry-point; directories are. The default: every component can do this, while some of those that were made for
    /// other hosts answer one request and no second (JavaScript of componentize-js 0.23 is such a one).
    #[default]
    PerRequest,
}

/// What one incarnation of a web role gets for its web server. The default has no ports: nothing is served.
#[derive(Clone, Default)]
pub struct WebSpec {
    /// The ports of its own address on which it answers HTTP requests.
    pub ports: Vec<NonZeroU16>,
    /// What is answered with files, before the handler is asked. Default: nothing.
    pub sites: Arc<Sites>,
    /// What clients may ask of it.
    pub limits: WebLimits,
    /// Where it says what it has answered; an [`OutputPipe`](crate::OutputPipe) can be that. Default: nowhere.
    pub access_log: Option<AccessLog>,
    /// For handlers of 0.2.
    pub instances: WebInstances,
}
