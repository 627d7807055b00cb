//! What the host crate for `wasi:http` asks of its embedder.

use std::sync::Arc;

use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Response = (http::Response<WasiBody>, Transmission);

pub(crate) struct WebHooks {
    forbidden: ForbiddenHeaderFilter,
}

impl Default for WebHooks {
    fn default() -> Self {
        Self { forbidden: Arc::new(|name| DEFAULT_FORBIDDEN_HEADERS.contains(name)) }
    }
}

impl WasiHttpHooks for WebHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&self.forbidden) // the default allocates for every call
    }

    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _transmission: Transmission,
    ) -> Box<dyn Future<Output = Result<Response, Error>> + Send> {
        // Nothing that calls this is linked. Should it ever be, the answer is no.
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
