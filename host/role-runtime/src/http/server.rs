//! Between the web server and the store: the queue of requests.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tokio::sync::{mpsc, oneshot};
use wasm_roles_virtual_network::Interface;
use wasm_roles_web_server::{
    Application, Drain, ListenError, RequestBody, RequestBodyError, Server, ServerOptions, Ticket,
};
use wasmtime_wasi_http::Error;

use super::Job;
use super::answer::Requests;
use super::body::{Lost, ResponseBody};
use super::pace::Pacer;
use super::per_request::{Nursery, answer_each_in_its_own};
use super::watch::{Tally, answers_nobody};
use crate::control::{Control, Wish};
use crate::instance::InstanceSpec;
use crate::output::OutputPipe;

/// Requests that have been read and wait for the instance. More than that wait in their connections.
const QUEUE: usize = 64;

/// The web server of one incarnation, before it serves. Connections can already wait.
pub(crate) struct Web {
    server: Server<Handler>,
    jobs: mpsc::Receiver<Job>,
    nursery: Option<Nursery>,
    watch: Watch,
}

/// What recycles an instance that answers nobody any more.
struct Watch {
    tally: Arc<Tally>,
    time: Duration,
    control: Arc<Control>,
    stderr: OutputPipe,
}

impl Watch {
    async fn keep(self, pacer: Pacer) {
        let Self { tally, time, control, stderr } = self;
        answers_nobody(tally, pacer, time).await;
        let words = format!(
            "the role has computed for {} s without a pause and answered no request: the instance is recycled",
            time.as_secs()
        );
        stderr.say(words.as_bytes());
        control.raise(Wish::Recycle);
    }
}

/// Who answers the requests of a web server.
pub(crate) enum Answering {
    /// The store of the role, with these.
    Role(Requests),
    /// Instances of their own, beside the store. This resolves when all requests are answered.
    Nursery(oneshot::Receiver<Infallible>),
}

/// What goes on beside the web server.
enum Beside<N, W> {
    Nursery(N),
    Watch(W),
}

/// The web server, seen by the life of its instance.
pub(crate) struct Door {
    drain: Drain,
    lost: Lost,
}

impl Web {
    /// Listens on the ports of the instance's own address. Without a nursery the store of the role answers.
    pub(crate) fn start(
        interface: &Interface,
        spec: &InstanceSpec,
        control: &Arc<Control>,
        nursery: Option<Nursery>,
    ) -> Result<Self, ListenError> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let clock = spec.clock;
        let options = ServerOptions {
            sites: Arc::clone(&spec.web.sites),
            limits: spec.web.limits.clone(),
            access_log: spec.web.access_log.clone(),
            clock: Arc::new(move || clock.wall()),
            seed: spec.seed.derive("web server").bytes(),
        };
        let watch = Watch {
            tally: Arc::default(),
            time: spec.web.limits.response_time,
            control: Arc::clone(control),
            stderr: spec.stderr.clone(),
        };
        let handler = Handler { jobs: sender, tally: Arc::clone(&watch.tally), watched: nursery.is_some() };
        let server = Server::listen(interface, &spec.web.ports, handler, options)?;
        Ok(Self { server, jobs, nursery, watch })
    }

    /// What has to be polled beside the store, what tells it to end, and who answers.
    pub(crate) fn split(self, pacer: &Pacer) -> (impl Future<Output = ()> + Send, Door, Answering) {
        let Self { server, jobs, nursery, watch } = self;
        let door = Door { drain: server.drain(), lost: Lost::default() };
        let (answering, beside) = match nursery {
            None => {
                let requests = Requests { jobs, lost: door.lost.clone(), pacer: pacer.clone() };
                (Answering::Role(requests), Beside::Watch(watch.keep(pacer.clone())))
            }
            Some(nursery) => {
                let (all_answered, done) = oneshot::channel();
                let answered = async move {
                    answer_each_in_its_own(nursery, jobs).await;
                    drop(all_answered);
                };
                (Answering::Nursery(done), Beside::Nursery(answered))
            }
        };
        let serving = async move {
            let served = server.serve();
            match beside {
                Beside::Nursery(answered) => {
                    tokio::join!(served, answered);
                }
                Beside::Watch(kept) => tokio::select! {
                    () = served => {}
                    // Whoever stops it now ends it.
                    () = async { kept.await; pending::<()>().await } => {}
                },
            }
        };
        (serving, door, answering)
    }
}

impl Door {
    /// No new connections and no new requests; those under way are finished, then the queue closes.
    pub(crate) fn drain(&self) {
        self.drain.begin();
    }

    /// The store is gone: bodies that still stream from it are not complete, and nobody waits for more requests.
    pub(crate) fn store_is_lost(&self) {
        self.lost.set();
        self.drain.hurry();
    }
}

/// The instance, as its web server sees it.
pub(crate) struct Handler {
    jobs: mpsc::Sender<Job>,
    tally: Arc<Tally>,
    /// Whether who answers wants to know when nobody waits any more.
    watched: bool,
}

impl Application for Handler {
    type Body = ResponseBody;

    async fn answer(&self, request: Request<RequestBody>, ticket: Ticket) -> Response<ResponseBody> {
        let (reply, answer) = oneshot::channel();
        let (waits, waiting) = self.watched.then(oneshot::channel).unzip();
        // Most requests have no body, and a box without one costs nothing.
        let request = if request.body().is_end_stream() {
            request.map(|_| Empty::new().map_err(|never| match never {}).boxed_unsync())
        } else {
            request.map(|body| body.map_err(broken).boxed_unsync())
        };
        if self.jobs.send(Job { request, ticket, reply, waiting }).await.is_err() {
            return plain(StatusCode::BAD_GATEWAY, "the role instance is gone\n");
        }
        let asked = self.tally.ask();
        let answer = answer.await;
        asked.answered();
        match answer {
            Ok(Ok(response)) => response.map(|body| ResponseBody::of_guest(body, waits)),
            Ok(Err(refusal)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", refusal.0)),
            Err(_) => plain(StatusCode::BAD_GATEWAY, "the role instance ended before it had answered\n"),
        }
    }
}

/// What the guest hears of a request's body that does not come.
fn broken(error: RequestBodyError) -> Error {
    match error {
        RequestBodyError::TooLong { limit } => Error::HttpRequestBodySize(Some(limit)),
        RequestBodyError::TooSlow => Error::ConnectionReadTimeout,
        RequestBodyError::Broken(error) => Error::from(error),
        _ => Error::HttpProtocolError,
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::of_host(text.into()));
    *response.status_mut() = status;
    let content_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
