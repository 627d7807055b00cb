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

/// A guest's body that tells the whole from a part. One whose store is gone ends where it got to, with an error: its end and
/// its length are not to be asked.
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
            Inner::Guest(watched) => !watched.lost.is_set() && watched.body.is_end_stream(),
            Inner::Host(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Guest(watched) if watched.lost.is_set() => SizeHint::default(),
            Inner::Guest(watched) => watched.body.size_hint(),
            Inner::Host(text) => {
                let length = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body_util::{BodyExt, Full};

    use super::*;

    #[test]
    fn what_is_there_of_a_body_whose_store_is_gone_does_not_pass_for_the_whole() {
        let lost = Lost::default();
        let part = Full::new(Bytes::from_static(b"part")).map_err(|never| match never {}).boxed_unsync();
        let mut body = ResponseBody::of_guest(WatchedBody::new(part, lost.clone()), None);
        assert_eq!(body.size_hint().exact(), Some(4));
        lost.set();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
        let mut next = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(next(), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(next(), Poll::Ready(Some(Err(Error::HttpResponseIncomplete)))));
        assert!(!body.is_end_stream());
    }
}
