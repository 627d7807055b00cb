//! From the queue into the guest: calling the handler.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode as ErrorCode02, Scheme};
use wasmtime_wasi_http::p3::Request as Request03;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode as ErrorCode03;
use wasmtime_wasi_http::{FieldMap, WasiBody, WasiHttpView};

use super::body::{Lost, WatchedBody};
use super::pace::Pacer;
use super::{Job, Refusal, Secured};
use crate::exports::Handler;
use crate::sandbox::Sandbox;

/// How many requests one instance answers at the same time, if its handler can.
const CONCURRENT: usize = 512;

/// The instance's end of the queue of requests.
pub(crate) struct Requests {
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) lost: Lost,
    pub(super) pacer: Pacer,
}

/// Answers requests until the queue is closed and all of them are answered.
///
/// # Errors
///
/// When the host cannot make a call at all. A guest that traps ends the whole store instead.
pub(crate) async fn answer_requests(
    accessor: &Accessor<Sandbox>,
    handler: &Handler,
    mut requests: Requests,
) -> wasmtime::Result<()> {
    // A 0.2 handler is synchronous: the next request can only enter when it has returned.
    let concurrent = match handler {
        Handler::V0_2(_) => 1,
        Handler::V0_3(_) => CONCURRENT,
    };
    let mut running = FuturesUnordered::new();
    let mut closed = false;
    poll_fn(|cx| {
        loop {
            while let Poll::Ready(Some(answered)) = running.poll_next_unpin(cx) {
                answered?;
            }
            if closed && running.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if closed || running.len() >= concurrent || !requests.pacer.admit() {
                return Poll::Pending;
            }
            match requests.jobs.poll_recv(cx) {
                Poll::Ready(Some(job)) => running.push(answer(accessor, handler, job, requests.lost.clone())),
                Poll::Ready(None) => closed = true,
                Poll::Pending => {
                    requests.pacer.unused();
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

async fn answer(
    accessor: &Accessor<Sandbox>,
    handler: &Handler,
    job: Job,
    lost: Lost,
) -> wasmtime::Result<()> {
    match handler {
        Handler::V0_2(handle) => {
            let reply = Reply::new(job.reply, lost);
            let secured = job.request.extensions().get::<Secured>().is_some();
            let scheme = if secured { Scheme::Https } else { Scheme::Http };
            let resources = accessor.with(|mut access| {
                let mut http = access.get().http();
                let request = http.new_incoming_request(scheme, job.request)?;
                let reply = reply.clone();
                let out = http.new_response_outparam_from_callback(move |response| reply.send(response))?;
                wasmtime::error::Ok((request, out))
            })?;
            handle.call_concurrent(accessor, resources).await?;
            reply.missing();
        }
        Handler::V0_3(service) => {
            let response = call_0_3(accessor, service, job.request).await?;
            let response = match response {
                Ok(response) => Ok(response.map(|body| WatchedBody::new(body, lost).boxed_unsync())),
                Err(code) => Err(Refusal(format!("the handler returned the error {code:?}"))),
            };
            // Nobody waits any more when the client has gone; then there is nobody to tell either.
            let _ = job.reply.send(response);
        }
    }
    Ok(())
}

/// Calls a 0.3 handler. The response's body streams on after this has returned.
async fn call_0_3(
    accessor: &Accessor<Sandbox>,
    service: &wasmtime_wasi_http::p3::bindings::Service,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<Result<http::Response<WasiBody>, ErrorCode03>> {
    let (request, transmission) = accessor.with(|mut access| {
        let http = access.get().http();
        let (parts, body) = request.into_parts();
        let secured = parts.extensions.get::<Secured>().is_some();
        let scheme = if secured { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP };
        let uri = parts.uri.into_parts();
        let host = parts.headers.get(http::header::HOST);
        let host = host.and_then(|host| http::uri::Authority::try_from(host.as_bytes()).ok());
        let (request, transmission) = Request03::new(
            parts.method,
            uri.scheme.or(Some(scheme)),
            uri.authority.or(host),
            uri.path_and_query,
            FieldMap::new_immutable(http.hooks, parts.headers),
            None,
            body,
        );
        wasmtime::error::Ok((http.table.push(request)?, transmission))
    })?;
    match service.wasi_http_handler().call_handle(accessor, request).await? {
        Ok(response) => accessor.with(|mut access| {
            let response = access.get().http().table.delete(response)?;
            Ok(Ok(response.into_http(&mut access, transmission)?))
        }),
        Err(code) => Ok(Err(code)),
    }
}

/// Who waits for the answer of a 0.2 handler. The handler may answer long before it returns, or not at all.
#[derive(Clone)]
struct Reply {
    waiting: Arc<Mutex<Option<Waiting>>>,
    lost: Lost,
}

type Waiting = oneshot::Sender<Result<http::Response<WasiBody>, Refusal>>;

type Response02 = http::Response<wasmtime_wasi_http::p2::body::HyperOutgoingBody>;

impl Reply {
    fn new(reply: Waiting, lost: Lost) -> Self {
        Self { waiting: Arc::new(Mutex::new(Some(reply))), lost }
    }

    fn take(&self) -> Option<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn send(&self, response: Result<Response02, ErrorCode02>) {
        let Some(waiting) = self.take() else { return };
        let response = match response {
            Ok(response) => Ok(response.map(|body| {
                WatchedBody::new(body.map_err(Into::into).boxed_unsync(), self.lost.clone()).boxed_unsync()
            })),
            Err(code) => Err(Refusal(format!("the handler returned the error {code:?}"))),
        };
        // As above: the client may have gone.
        let _ = waiting.send(response);
    }

    fn missing(&self) {
        if let Some(waiting) = self.take() {
            let _ = waiting.send(Err(Refusal("the handler returned without a response".to_owned())));
        }
    }
}
