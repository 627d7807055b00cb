//! How the response of a 0.2 handler gets to who waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode as ErrorCode02;

use super::body::{Lost, WatchedBody};
use super::{Answer, Refusal};

/// Who waits for the answer of a 0.2 handler. The handler may answer long before it returns, or not at all.
#[derive(Clone)]
pub(super) struct Reply {
    waiting: Arc<Mutex<Option<Waiting>>>,
    lost: Lost,
}

type Waiting = oneshot::Sender<Answer>;

type Response02 = http::Response<wasmtime_wasi_http::p2::body::HyperOutgoingBody>;

impl Reply {
    pub(super) fn new(reply: Waiting, lost: Lost) -> Self {
        Self { waiting: Arc::new(Mutex::new(Some(reply))), lost }
    }

    fn take(&self) -> Option<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn send(&self, response: Result<Response02, ErrorCode02>) {
        let Some(waiting) = self.take() else { return };
        let response = match response {
            Ok(response) => Ok(response
                .map(|body| WatchedBody::new(body.map_err(Into::into).boxed_unsync(), self.lost.clone()))),
            Err(code) => Err(Refusal(format!("the handler returned the error {code:?}"))),
        };
        // As above: the client may have gone.
        let _ = waiting.send(response);
    }

    pub(super) fn missing(&self) {
        if let Some(waiting) = self.take() {
            let _ = waiting.send(Err(Refusal("the handler returned without a response".to_owned())));
        }
    }
}
