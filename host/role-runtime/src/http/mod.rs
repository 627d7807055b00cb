//! The web server in front of a `wasi:http` handler.
//!
//! It listens inside the instance's network, on the ports of the role's http endpoints, so a connection gets
//! here like any other: handed over by the balancer or opened by another role that may. hyper reads requests; each
//! becomes a [`Job`] in a bounded queue; [`answer_requests`] takes it into the instance's store and calls the handler.
//! The queue is the only thing that the server's tasks and the store share: a guest that traps takes down its own
//! requests and nothing of the server.

mod answer;
mod body;
mod codes;
mod hooks;
mod out;
mod pace;
mod per_request;
mod read_ahead;
mod reply;
mod server;
mod watch;
mod web_spec;

pub(crate) use answer::answer_requests;
pub(crate) use hooks::WebHooks;
pub use out::TrustedRoots;
pub(crate) use out::{Outgoing, Trust};
pub(crate) use pace::Pacer;
pub(crate) use per_request::Nursery;
pub(crate) use server::{Answering, Door, Web};
pub use web_spec::{WebInstances, WebSpec};

use tokio::sync::oneshot;
use wasm_roles_web_server::Ticket;
use wasmtime::component::Linker;
use wasmtime_wasi_http::WasiBody;

use crate::sandbox::Sandbox;

/// Puts functions of our own in the place of some of the host crate's, which have to be linked already.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    codes::add_to_linker(linker)?;
    out::add_to_linker(linker)?;
    read_ahead::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// One request on its way into an instance.
pub(crate) struct Job {
    request: http::Request<WasiBody>,
    ticket: Ticket,
    reply: oneshot::Sender<Answer>,
    /// Whether somebody waits for the response and its body; only where requests have a store of their own.
    waiting: Option<per_request::Waiting>,
}

/// What became of a request.
type Answer = Result<http::Response<body::WatchedBody>, Refusal>;

/// The handler gave no response; the text says why, for the instance's own log.
struct Refusal(String);
