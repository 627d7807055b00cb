//! The error code behind a failed stream of a body, for guests of 0.2.
//!
//! A guest that reads a body over `wasi:io` learns of a failure as an `error`, and asks `http-error-code` what it means. The
//! host crate's own answer knows the codes that a guest gave, and none that the host found while it read from the network.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, IoError};

use crate::sandbox::Sandbox;

/// Puts a `http-error-code` that knows them all in the place of the host crate's.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> Result<()> {
    linker.allow_shadowing(true);
    let added = linker.instance("wasi:http/types@0.2.12")?.func_wrap("http-error-code", http_error_code);
    linker.allow_shadowing(false);
    added
}

fn http_error_code(
    mut store: StoreContextMut<'_, Sandbox>,
    (error,): (Resource<IoError>,),
) -> Result<(Option<ErrorCode>,)> {
    let error = store.data_mut().table().get(&error)?;
    Ok((error.downcast_ref::<ErrorCode>().cloned().or_else(|| Some(code(error.downcast_ref()?))),))
}

/// The codes that a body can end with. What is not among them keeps its words.
fn code(error: &Error) -> ErrorCode {
    match error {
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::HttpProtocolError => ErrorCode::HttpProtocolError,
        Error::HttpRequestBodySize(size) => ErrorCode::HttpRequestBodySize(*size),
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpResponseHeaderSectionSize(size) => ErrorCode::HttpResponseHeaderSectionSize(*size),
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        other => ErrorCode::InternalError(Some(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_body_has_its_code() {
        assert!(matches!(code(&Error::HttpResponseIncomplete), ErrorCode::HttpResponseIncomplete));
        assert!(matches!(code(&Error::ConnectionReadTimeout), ErrorCode::ConnectionReadTimeout));
        assert!(matches!(code(&Error::LoopDetected), ErrorCode::InternalError(Some(_))));
    }
}
