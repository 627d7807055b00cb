//! The collector: where it is, and how something comes to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use wasm_roles_control_interface::DeploymentSummary;
use wasm_roles_control_interface::plain_url::{PlainUrl, authority};

use super::records::{logs, spans};
use super::{Exporting, OtlpOptions};
use crate::follow::{Entry, Over, Sink};

/// The port of a URL without one: that of OTLP over HTTP.
const USUAL_PORT: u16 = 4318;
/// How long a request may take.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Requests at a time.
const AT_A_TIME: usize = 4;
/// The wait before a request is tried again, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// The most of an answer that is read.
const LARGEST_ANSWER: usize = 64 << 10;

/// Text is no address of a collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address of a collector; it has the form http://ADDRESS:PORT, without TLS")]
pub struct CollectorError {
    text: String,
}

/// The address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    host: String,
    port: u16,
    /// What stands before `/v1/logs`.
    prefix: String,
}

impl Collector {
    /// From a URL such as `http://127.0.0.1:4318`, perhaps with a path.
    ///
    /// # Errors
    ///
    /// Anything else, TLS too: send to a collector on this machine, and let that one send on.
    pub fn parse(url: &str) -> Result<Self, CollectorError> {
        let wrong = || CollectorError { text: PlainUrl::shown(url) };
        let PlainUrl { host, port, path } = PlainUrl::parse(url).ok_or_else(wrong)?;
        Ok(Self { host, port: port.unwrap_or(USUAL_PORT), prefix: path })
    }

    async fn post(&self, path: &str, body: Bytes) -> Result<(), Failure> {
        let again = |reason: &dyn fmt::Display| Failure::Again(format!("{self}: {reason}"));
        let request = Request::post(format!("{}{path}", self.prefix))
            .header(HOST, authority(&self.host, self.port))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| Failure::Final(format!("{self}: {error}")))?;
        let stream =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| again(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| again(&error))?;
        // It ends with the answer.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| again(&error))?;
        let status = answer.status();
        // Read to its end, so that the connection ends well; what it says beside the status is not needed.
        let _ = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(again(&format_args!("it answers {status}"))),
            status => Err(Failure::Final(format!("{self}: it answers {status}"))),
        }
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.host, self.port, self.prefix)
    }
}

enum Failure {
    Again(String),
    Final(String),
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Logs,
    Traces,
}

/// Sends, and tries again. One for all.
pub(super) struct Sender {
    options: OtlpOptions,
    places: Semaphore,
    failing: AtomicBool,
}

impl Sender {
    pub(super) fn new(options: OtlpOptions) -> Self {
        Self { options, places: Semaphore::new(AT_A_TIME), failing: AtomicBool::new(false) }
    }

    /// Returns when the collector has taken it or refuses it for good. When the export stops, it is tried once more at most.
    async fn send(&self, signal: Signal, body: &Value, stopping: &mut watch::Receiver<bool>) {
        let path = match signal {
            Signal::Logs => "/v1/logs",
            Signal::Traces => "/v1/traces",
        };
        let body = Bytes::from(body.to_string());
        let (mut wait, longest) = BACK_OFF;
        loop {
            let last = *stopping.borrow();
            match self.try_once(path, body.clone()).await {
                Ok(()) => return self.worked(),
                Err(Failure::Final(reason)) => return (self.options.told)(&Exporting::Lost { reason }),
                Err(Failure::Again(reason)) => self.failed(reason),
            }
            if last {
                return;
            }
            tokio::select! {
                () = sleep(wait) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
            wait = (wait * 2).min(longest);
        }
    }

    async fn try_once(&self, path: &str, body: Bytes) -> Result<(), Failure> {
        let collector = &self.options.collector;
        // It is never closed.
        let _place = self.places.acquire().await;
        let posted = timeout(REQUEST_TIME, collector.post(path, body)).await;
        posted.unwrap_or_else(|_| Err(Failure::Again(format!("{collector}: it does not answer"))))
    }

    fn worked(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            (self.options.told)(&Exporting::Working);
        }
    }

    fn failed(&self, reason: String) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            (self.options.told)(&Exporting::Failing { reason });
        }
    }
}

impl Sink for Sender {
    async fn entries(
        &self,
        of: &DeploymentSummary,
        entries: Vec<Entry>,
        stopping: &mut watch::Receiver<bool>,
    ) {
        self.send(Signal::Logs, &logs(of, &entries), stopping).await;
    }

    async fn operations(&self, over: Vec<Over>, stopping: &mut watch::Receiver<bool>) {
        self.send(Signal::Traces, &spans(&over), stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_url_without_tls() {
        for (url, shown) in [
            ("http://127.0.0.1:4318", "127.0.0.1:4318"),
            ("http://collector/", "collector:4318"),
            ("http://collector:80/otlp/", "collector:80/otlp"),
        ] {
            assert_eq!(Collector::parse(url).unwrap().to_string(), shown);
        }
        for wrong in
            ["", "collector:4318", "https://collector", "http://", "http://a?b", "http://u:p@a", "http://a:x"]
        {
            assert!(
                Collector::parse(wrong).unwrap_err().to_string().contains("http://ADDRESS:PORT"),
                "{wrong}"
            );
        }
    }
}
