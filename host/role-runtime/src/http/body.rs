//! A response body that does not pretend to be complete.
//!
//! When a guest traps in the middle of a response, its body stream just ends; hyper would close a chunked response
//! properly and the client would take half a page for a whole one. Wrapped in a [`WatchedBody`], it ends in an
//! error then, and the client sees a broken connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, WasiBody};

/// Whether the store that bodies stream from has been lost to a trap. A clone is the same flag.
#[derive(Clone, Default)]
pub(super) struct Lost(Arc<AtomicBool>);

impl Lost {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A guest's body that tells the whole from a part.
pub(super) struct WatchedBody {
    body: WasiBody,
    lost: Lost,
}

impl WatchedBody {
    pub(super) fn new(body: WasiBody, lost: Lost) -> Self {
        Self { body, lost }
    }
}

/// The body of a response, as the web server gets it.
pub(crate) struct ResponseBody {
    inner: Inner,
    /// Goes with the body: who answers learns by it that nobody waits any more.
    _waits: Option<oneshot::Sender<Infallible>>,
}

enum Inner {
    Guest(WatchedBody),
    Host(Option<Bytes>),
}

impl ResponseBody {
    pub(super) fn of_guest(body: WatchedBody, waits: Option<oneshot::Sender<Infallible>>) -> Self {
        Self { inner: Inner::Guest(body), _waits: waits }
    }

    pub(super) fn of_host(text: Bytes) -> Self {
        Self { inner: Inner::Host(Some(text).filter(|text| !text.is_empty())), _waits: None }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let watched = match &mut self.inner {
            Inner::Guest(watched) => watched,
            Inner::Host(text) => return Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        };
        match Pin::new(&mut watched.body).poll_frame(cx) {
            Poll::Ready(None) if watched.lost.is_set() => {
                Poll::Ready(Some(Err(Error::HttpResponseIncomplete)))
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Guest(watched) => watched.body.is_end_stream(),
            Inner::Host(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Guest(watched) => watched.body.size_hint(),
            Inner::Host(text) => {
                let length = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}
