//! Bodies of requests: JSON, and packages as they come.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, Request};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use wasm_roles_control_interface::package::MEDIA_TYPE;
use wasm_roles_control_interface::{Refusal, RefusalCode};

use crate::door::Inside;
use crate::limits::ServerLimits;

/// How much of a package that was refused is still read, so that whoever sends it can read why.
const READ_AFTER_REFUSAL: u64 = 64 << 20;
/// How long that is done.
const TIME_AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// Reads a JSON body.
pub(crate) async fn json<T: DeserializeOwned>(
    request: Request<Incoming>,
    limits: &ServerLimits,
) -> Result<T, Refusal> {
    of_kind(request.headers(), "application/json")?;
    let too_large = || {
        let message = format!("the body of the request has more than {} bytes", limits.json_bytes);
        Refusal::new(RefusalCode::TooLarge, message).hint("leave out what is not needed")
    };
    let reading = Limited::new(request.into_body(), limits.json_bytes).collect();
    let read = timeout(limits.request_time, reading).await.map_err(|_| late())?;
    let body = match read {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Err(error) => {
            let message = format!("the body of the request cannot be read: {error}");
            return Err(Refusal::new(RefusalCode::BadRequest, message).hint("send it again"));
        }
    };
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(
            RefusalCode::BadRequest,
            format!("the body of the request cannot be understood: {error}"),
        )
        .hint("its form is in /v1/openapi.json")
    })
}

fn late() -> Refusal {
    Refusal::new(RefusalCode::Timeout, "the body of the request did not arrive in time").hint("send it again")
}

fn of_kind(headers: &HeaderMap, kind: &str) -> Result<(), Refusal> {
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(kind) {
        return Ok(());
    }
    let message = format!("the body of this request has to be {kind}");
    let hint = format!("send it with the header `content-type: {kind}`");
    Err(Refusal::new(RefusalCode::UnsupportedMediaType, message).hint(hint))
}

/// A package as it comes.
pub(crate) struct Arriving {
    body: Option<Incoming>,
    piece: Bytes,
    /// Bytes that may still come.
    room: u64,
    limit: u64,
    stall: Duration,
    until: Pin<Box<Sleep>>,
    /// Whether bytes come, asked for or not.
    flows: bool,
    failure: Failure,
    inside: Inside,
}

/// Why a package ended too early, for the answer.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<Refusal>>>);

impl Failure {
    /// What was wrong with the package on its way, if that was it; otherwise what the operator says.
    pub(crate) fn or(&self, said: Refusal) -> Refusal {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(said)
    }

    fn set(&self, refusal: Refusal) -> io::Error {
        let error = io::Error::other(refusal.message.clone());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        error
    }
}

impl Arriving {
    /// The package of a request, and what will have been wrong with it.
    ///
    /// # Errors
    ///
    /// It is no package, or says itself that it is too large.
    pub(crate) fn of(
        request: Request<Incoming>,
        limits: &ServerLimits,
        inside: Inside,
    ) -> Result<(Self, Failure), Refusal> {
        of_kind(request.headers(), MEDIA_TYPE)?;
        let headers = request.headers();
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let failure = Failure::default();
        let arriving = Self {
            // Who waits for a permission sends nothing before this is read.
            flows: !headers.contains_key(EXPECT),
            body: Some(request.into_body()),
            piece: Bytes::new(),
            room: limits.package_bytes,
            limit: limits.package_bytes,
            stall: limits.stall_time,
            until: Box::pin(sleep_until(Instant::now() + limits.stall_time)),
            failure: failure.clone(),
            inside,
        };
        if length.is_some_and(|length| length > limits.package_bytes) {
            return Err(too_large(limits.package_bytes));
        }
        Ok((arriving, failure))
    }

    /// The next piece; empty at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        self.flows = true;
        loop {
            let Some(body) = &mut self.body else {
                return Poll::Ready(Ok(Bytes::new()));
            };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(None) => self.body = None,
                Poll::Ready(Some(Err(error))) => {
                    self.body = None;
                    let message = format!("the package did not arrive: {error}");
                    let refusal = Refusal::new(RefusalCode::BadRequest, message).hint("send it again");
                    return Poll::Ready(Err(self.failure.set(refusal)));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let stall = self.stall;
                    self.until.as_mut().reset(Instant::now() + stall);
                    if let Ok(piece) = frame.into_data().map_err(drop)
                        && !piece.is_empty()
                    {
                        return Poll::Ready(self.admit(piece));
                    }
                }
                Poll::Pending => {
                    ready!(self.until.as_mut().poll(cx));
                    self.body = None;
                    let message = format!("the package stood still for {} seconds", self.stall.as_secs());
                    let refusal = Refusal::new(RefusalCode::Timeout, message).hint("send it again");
                    return Poll::Ready(Err(self.failure.set(refusal)));
                }
            }
        }
    }

    fn admit(&mut self, piece: Bytes) -> io::Result<Bytes> {
        let left = u64::try_from(piece.len()).ok().and_then(|length| self.room.checked_sub(length));
        self.room = left.ok_or_else(|| self.failure.set(too_large(self.limit)))?;
        Ok(piece)
    }
}

fn too_large(limit: u64) -> Refusal {
    let message = format!("the package has more than {limit} bytes");
    Refusal::new(RefusalCode::TooLarge, message).hint("leave out what no role needs")
}

impl AsyncRead for Arriving {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.piece.is_empty() {
            this.piece = ready!(this.poll_piece(cx))?;
        }
        let length = this.piece.len().min(buffer.remaining());
        buffer.put_slice(this.piece.get(..length).unwrap_or_default());
        this.piece.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Arriving {
    /// Somebody who still sends would not read the answer, and find a broken connection instead.
    fn drop(&mut self) {
        let (Some(mut body), true) = (self.body.take(), self.flows) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let inside = self.inside.clone();
        runtime.spawn(timeout(TIME_AFTER_REFUSAL, async move {
            // It is a request of its tenant as long as it is read.
            let _inside = inside;
            let mut read: u64 = 0;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                read = read.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                if read > READ_AFTER_REFUSAL {
                    return;
                }
            }
        }));
    }
}
