//! The bodies of a request and of its response, and how long they may be silent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::errors::{self, Heard};
use super::limits::Turn;

/// When the connection last took something of the request.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns when there was none for so long.
    pub(super) async fn stalled(&self, wait: Duration) {
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // `wait` is at most the longest that anything waits.
            let deadline = last + wait;
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }
}

/// The body of a request: a response that is late because the request takes its time is not late.
pub(super) struct RequestBody {
    body: WasiBody,
    progress: Progress,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.progress.made();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response. It fails when the guest waits too long for the next part.
pub(super) struct ResponseBody {
    body: Incoming,
    wait: Duration,
    /// Runs while somebody waits for a part.
    timer: Option<Pin<Box<Sleep>>>,
    _turn: Arc<Turn>,
    /// Closes when nobody has the body any more.
    _alive: oneshot::Sender<Infallible>,
}

impl ResponseBody {
    pub(super) fn new(
        body: Incoming,
        wait: Duration,
        turn: Arc<Turn>,
        alive: oneshot::Sender<Infallible>,
    ) -> Self {
        Self { body, wait, timer: None, _turn: turn, _alive: alive }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            let failed = |error| errors::exchange(&error, Heard::Something);
            return Poll::Ready(frame.map(|frame| frame.map_err(failed)));
        }
        let wait = self.wait;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
