//! The body of a request, as the application reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::exchange::{Exchange, Verdict};

/// The body of a request: streamed, with its trailers, and never longer than it may be.
///
/// Only who reads it makes the client send: what is not read waits in the client, but for the buffers of the
/// connection.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    exchange: Arc<Exchange>,
    /// Bytes that may still come.
    room: u64,
    limit: u64,
}

/// Why the rest of a request's body does not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// It is longer than it may be.
    #[error("the request's body is longer than {limit} bytes")]
    TooLong {
        /// Bytes that it may have.
        limit: u64,
    },
    /// The client sent too little for too long.
    #[error("the client sends the request's body too slowly")]
    TooSlow,
    /// The connection broke, or what came is no HTTP.
    #[error("the request's body broke off: {0}")]
    Broken(#[from] hyper::Error),
}

impl RequestBody {
    /// `limit`: bytes that it may have.
    pub(super) fn new(incoming: Incoming, exchange: Arc<Exchange>, limit: u64) -> Self {
        Self { incoming, exchange, room: limit, limit }
    }

    fn took(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, RequestBodyError> {
        let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        // Also what nobody waited for: how quick a client is, is an average over the whole body.
        self.exchange.received(bytes);
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => {
                self.exchange.give_up(Verdict::TooLong);
                return Err(RequestBodyError::TooLong { limit: self.limit });
            }
        }
        Ok(frame)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.took(frame))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.exchange.wait_for_body(cx) {
                Some(Verdict::TooSlow) => Poll::Ready(Some(Err(RequestBodyError::TooSlow))),
                _ => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
