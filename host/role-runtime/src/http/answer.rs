//! From the queue into the guest: calling the handler.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::sleep;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p3::Request as Request03;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode as ErrorCode03;
use wasmtime_wasi_http::{FieldMap, WasiBody, WasiHttpView};

use super::body::{Lost, WatchedBody};
use super::pace::Pacer;
use super::per_request::AFTERWARDS;
use super::reply::Reply;
use super::{Job, Refusal};
use crate::exports::{Handle02, Handler};
use crate::sandbox::Sandbox;

/// How many requests one instance answers at the same time, if its handler can.
const CONCURRENT: usize = 512;

/// How many requests, beside those, may stay with a handler that goes on when nobody waits for its response any more.
/// wasmtime cannot cancel a call: a future that is dropped leaves its task in the store, and one that is dropped
/// before its task has begun traps the store when it begins. So they are kept, but nobody waits for their end.
const UNWANTED: usize = 1_024;

/// The instance's end of the queue of requests.
pub(crate) struct Requests {
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) lost: Lost,
    pub(super) pacer: Pacer,
}

impl Requests {
    /// Waits until the server has drained. Requests that nobody can answer are told so.
    pub(crate) async fn none_left(mut self) {
        while self.jobs.recv().await.is_some() {}
    }
}

/// Answers requests until the queue is closed and all of them are answered, but for those that nobody waits for.
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
    let unwanted = AtomicUsize::new(0);
    let mut running = FuturesUnordered::new();
    let mut closed = false;
    poll_fn(|cx| {
        loop {
            while let Poll::Ready(Some(answered)) = running.poll_next_unpin(cx) {
                answered?;
            }
            let unwanted_now = unwanted.load(Ordering::Relaxed);
            if closed && running.len() <= unwanted_now {
                return Poll::Ready(Ok(()));
            }
            let counted = running.len().saturating_sub(unwanted_now.min(UNWANTED));
            if closed || counted >= concurrent || !requests.pacer.admit() {
                return Poll::Pending;
            }
            match requests.jobs.poll_recv(cx) {
                Poll::Ready(Some(job)) if !job.ticket.begin() => requests.pacer.unused(),
                Poll::Ready(Some(job)) => {
                    running.push(answer(accessor, handler, job, requests.lost.clone(), &unwanted));
                }
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
    unwanted: &AtomicUsize,
) -> wasmtime::Result<()> {
    match handler {
        Handler::V0_2(handle) => call_0_2(accessor, handle, job.request, Reply::new(job.reply, lost)).await?,
        Handler::V0_3(service) => {
            let mut reply = job.reply;
            let mut call = pin!(call_0_3(accessor, service, job.request));
            let overdue = async {
                reply.closed().await;
                sleep(AFTERWARDS).await;
            };
            let in_time = tokio::select! {
                biased;
                response = &mut call => Some(response),
                () = overdue => None,
            };
            let response = match in_time {
                Some(response) => response?,
                None => {
                    let _unwanted = Unwanted::new(unwanted);
                    call.await?
                }
            };
            let response = match response {
                Ok(response) => Ok(response.map(|body| WatchedBody::new(body, lost))),
                Err(code) => Err(Refusal(format!("the handler returned the error {code:?}"))),
            };
            // Nobody waits any more when the client has gone; then there is nobody to tell either.
            let _ = reply.send(response);
        }
    }
    Ok(())
}

/// A request that is still with its handler, although nobody has waited for the response for [`AFTERWARDS`].
struct Unwanted<'a>(&'a AtomicUsize);

impl<'a> Unwanted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls a 0.2 handler. It may answer long before it returns.
pub(super) async fn call_0_2(
    accessor: &Accessor<Sandbox>,
    handle: &Handle02,
    request: http::Request<WasiBody>,
    reply: Reply,
) -> wasmtime::Result<()> {
    let secured = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
    let scheme = if secured { Scheme::Https } else { Scheme::Http };
    let resources = accessor.with(|mut access| {
        let mut http = access.get().http();
        let request = http.new_incoming_request(scheme, request)?;
        let reply = reply.clone();
        let out = http.new_response_outparam_from_callback(move |response| reply.send(response))?;
        wasmtime::error::Ok((request, out))
    })?;
    handle.call_concurrent(accessor, resources).await?;
    reply.missing();
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
        let uri = parts.uri.into_parts();
        let (request, transmission) = Request03::new(
            parts.method,
            uri.scheme,
            uri.authority,
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
