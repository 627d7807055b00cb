//! What the host crate for `wasi:http` asks of its embedder.

use std::sync::Arc;

use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use super::out::{Outgoing, Transmission};

/// Bytes of a body that the host takes from a guest at one time. The stock 1 MiB, twice for each body that a guest has open,
/// would be memory of the host's that nobody counts.
const CHUNK: usize = 64 << 10;

pub(crate) struct WebHooks {
    forbidden: ForbiddenHeaderFilter,
    outgoing: Arc<Outgoing>,
}

impl WebHooks {
    pub(crate) fn new(outgoing: Arc<Outgoing>) -> Self {
        Self { forbidden: Arc::new(|name| DEFAULT_FORBIDDEN_HEADERS.contains(name)), outgoing }
    }
}

impl WasiHttpHooks for WebHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&self.forbidden) // the default allocates for every call
    }

    /// The only way out: see [`super::out`]. What the guest makes of the response, `_processed`, is its own affair.
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Transmission), Error>> + Send> {
        Box::new(self.outgoing.send(request, options))
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}
