//! The web server in front of a `wasi:http` handler.
//!
//! It listens inside the instance's network, on the ports of the role's http endpoints, so a connection gets
//! here like any other: handed over by the balancer or opened by another role that may. hyper reads requests; each
//! becomes a [`Job`] in a bounded queue; [`answer_requests`] takes it into the instance's store and calls the handler.
//! The queue is the only thing that the server's tasks and the store share: a guest that traps takes down its own
//! requests and nothing of the server.

mod answer;
mod body;
mod hooks;
mod pace;
mod server;

pub(crate) use answer::{Requests, answer_requests};
pub(crate) use hooks::WebHooks;
pub(crate) use pace::Pacer;
pub(crate) use server::WebServer;

use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// One request on its way into an instance.
struct Job {
    request: http::Request<WasiBody>,
    reply: oneshot::Sender<Result<http::Response<WasiBody>, Refusal>>,
}

/// Marks a request that came encrypted: its scheme is https.
#[derive(Clone, Copy)]
struct Secured;

/// The handler gave no response; the text says why, for the instance's own log.
struct Refusal(String);
