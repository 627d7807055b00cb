//! Answers: their bodies and heads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;
use tokio::sync::mpsc;
use wasm_roles_control_interface::{Endpoint, Names, Operation, Refusal, RefusalCode};

/// The body of an answer.
pub(crate) enum Answer {
    /// All of it, until it is taken.
    Whole(Option<Bytes>),
    /// As it comes.
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.get_mut() {
            Self::Whole(data) => data.take(),
            Self::Stream(pieces) => ready!(pieces.poll_recv(cx)),
        };
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        let length = match self {
            Self::Whole(data) => u64::try_from(data.as_ref().map_or(0, Bytes::len)).ok(),
            Self::Stream(_) => None,
        };
        length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// An answer that has everything.
pub(crate) fn whole(status: StatusCode, kind: &'static str, data: impl Into<Bytes>) -> Response<Answer> {
    with_head(status, kind, Answer::Whole(Some(data.into()).filter(|data: &Bytes| !data.is_empty())))
}

/// An answer that goes on.
pub(crate) fn stream(kind: &'static str, pieces: mpsc::Receiver<Bytes>) -> Response<Answer> {
    with_head(StatusCode::OK, kind, Answer::Stream(pieces))
}

fn with_head(status: StatusCode, kind: &'static str, body: Answer) -> Response<Answer> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A JSON object.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Answer> {
    match serde_json::to_vec(value) {
        Ok(written) => whole(status, "application/json", written),
        Err(error) => {
            let message = format!("the answer cannot be written: {error}");
            let refusal = Refusal::new(RefusalCode::Internal, message);
            let written = serde_json::to_vec(&refusal).unwrap_or_default();
            whole(StatusCode::INTERNAL_SERVER_ERROR, "application/json", written)
        }
    }
}

/// An operation that was begun, and where to ask for it.
pub(crate) fn begun(operation: &Operation) -> Response<Answer> {
    let mut answer = json(StatusCode::ACCEPTED, operation);
    let names = Names {
        service: Some(operation.deployment.service.clone()),
        slot: None,
        operation: Some(operation.id),
    };
    // Names of services and operations are visible ASCII.
    if let Ok(place) = HeaderValue::from_str(&Endpoint::Operation.path(&names)) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// A refusal. `path`: what was asked for.
pub(crate) fn refused(refusal: &Refusal, path: &str) -> Response<Answer> {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json(status, refusal);
    match refusal.code {
        RefusalCode::NotAuthorized => {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        RefusalCode::MethodNotAllowed => {
            let methods = Endpoint::methods_of(path).map(|method| method.name()).collect::<Vec<_>>();
            if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
                answer.headers_mut().insert(ALLOW, methods);
            }
        }
        _ => {}
    }
    answer
}
