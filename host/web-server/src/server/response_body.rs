//! The body of a response, on its way to the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use super::link::Link;
use crate::BoxError;
use crate::access_log::Draft;
use crate::files::FileBody;

/// What a response is made of.
pub(super) enum Content<B> {
    Text(Option<Bytes>),
    File(FileBody),
    Application(B),
}

/// The body of a response. When it is dropped, the request is over.
pub(super) struct ResponseBody<B> {
    content: Content<B>,
    /// Bytes that the client is waited for to take.
    out: u64,
    running: Running,
}

/// A request that has begun and is not over. Dropping it ends it.
pub(super) struct Running {
    pub(super) exchange: Arc<Exchange>,
    pub(super) link: Arc<Link>,
    /// What the access log says about it, if there is one.
    pub(super) draft: Option<Box<Draft>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.link.end(&self.exchange);
        if let Some(draft) = self.draft.take() {
            draft.write(self.exchange.began.elapsed());
        }
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(content: Content<B>, running: Running) -> Self {
        Self { content, out: 0, running }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        // Who asks for more has taken what it got.
        let out = std::mem::take(&mut this.out);
        if out > 0 {
            this.running.exchange.taken(out);
        }
        let polled = match &mut this.content {
            Content::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Content::File(file) => Pin::new(file).poll_frame(cx).map_err(Into::into),
            Content::Application(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.out = u64::try_from(data.len()).unwrap_or(u64::MAX);
            if let Some(draft) = &mut this.running.draft {
                draft.bytes = draft.bytes.saturating_add(this.out);
            }
            this.running.exchange.hand_out();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Content::File(file) => file.is_end_stream(),
            Content::Application(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(text) => SizeHint::with_exact(
                text.as_ref().map_or(0, |text| u64::try_from(text.len()).unwrap_or(u64::MAX)),
            ),
            Content::File(file) => file.size_hint(),
            Content::Application(body) => body.size_hint(),
        }
    }
}
