//! The handler and its export.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{self as wasi, ErrorCode};

use super::{Request, Response};
use crate::Role;
use crate::export::{Exported, Singleton};

/// A role that answers HTTP requests. Export it with [`export_web_role!`](crate::export_web_role).
#[allow(async_fn_in_trait, reason = "an instance has one thread, so no caller needs Send")]
pub trait HttpHandler: Role {
    /// Answers one request. Requests run at the same time as each other and as `run`.
    ///
    /// A panic here ends the whole instance, other requests included: answer errors with a status.
    async fn handle(&'static self, request: Request) -> Response;
}

impl<R: HttpHandler + Singleton> Guest for Exported<R> {
    async fn handle(request: wasi::Request) -> Result<wasi::Response, ErrorCode> {
        R::get().handle(Request::new(request)).await.send()
    }
}
