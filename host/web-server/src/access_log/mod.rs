//! One line for every request that was answered, when its response is over.
//!
//! What is no HTTP is not in it: it has no request. Everything that a client says is escaped, and cut when it is
//! long, so that a line is one line, of printable ASCII only.

mod calendar;
mod format;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Version};

use format::Entry;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// As the combined format of other servers, with the id of the request and the duration in seconds after it.
    Combined,
    /// An object of JSON.
    Json,
}

/// Where the lines go.
pub trait AccessLogSink: Send + Sync {
    /// Takes a line, without a line end. It must not wait: what there is no room for is dropped.
    fn line(&self, line: String);
}

/// The access log of a server.
#[derive(Clone)]
pub struct AccessLog {
    /// How a line is written.
    pub format: AccessLogFormat,
    /// Where it goes.
    pub sink: Arc<dyn AccessLogSink>,
}

/// A line to be.
pub(crate) struct Draft {
    log: AccessLog,
    peer: IpAddr,
    /// Wall time since 1970 at which the request began.
    began: Duration,
    method: Method,
    target: String,
    version: Version,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
    /// The id of the request, once it has one.
    pub(crate) id: Option<HeaderValue>,
    /// What it was answered; none when nobody was left to be answered.
    pub(crate) status: Option<StatusCode>,
    /// Bytes of the response's body.
    pub(crate) bytes: u64,
}

impl Draft {
    /// For a request, as the client has sent it.
    pub(crate) fn new(log: &AccessLog, peer: IpAddr, request: &Parts, wall: Duration) -> Self {
        let header = |name| request.headers.get(name).cloned();
        Self {
            log: log.clone(),
            peer: peer.to_canonical(),
            began: wall,
            method: request.method.clone(),
            target: target(request),
            version: request.version,
            host: header(http::header::HOST),
            referer: header(REFERER),
            agent: header(USER_AGENT),
            id: None,
            status: None,
            bytes: 0,
        }
    }

    /// The request is over.
    pub(crate) fn write(&self, duration: Duration) {
        let bytes = |value: &'_ Option<HeaderValue>| value.as_ref().map(|value| value.as_bytes().to_vec());
        let (host, referer, agent, id) =
            (bytes(&self.host), bytes(&self.referer), bytes(&self.agent), bytes(&self.id));
        let entry = Entry {
            peer: self.peer,
            began: self.began,
            method: self.method.as_str(),
            target: self.target.as_bytes(),
            version: self.version,
            host: host.as_deref(),
            referer: referer.as_deref(),
            agent: agent.as_deref(),
            id: id.as_deref(),
            status: self.status,
            bytes: self.bytes,
            duration,
        };
        self.log.sink.line(match self.log.format {
            AccessLogFormat::Combined => entry.combined(),
            AccessLogFormat::Json => entry.json(),
        });
    }
}

/// What the request is for, as HTTP/1.1 would say it.
fn target(request: &Parts) -> String {
    match request.uri.path_and_query() {
        Some(path) if request.version >= Version::HTTP_2 => path.as_str().to_owned(),
        _ => request.uri.to_string(),
    }
}
