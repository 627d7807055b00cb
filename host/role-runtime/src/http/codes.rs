//! The error codes of bodies that did not get through.
//!
//! A guest of 0.2 that reads a body over `wasi:io` learns of a failure as an `error`, and asks `http-error-code` what it means.
//! The host crate's own answer knows the codes that a guest gave, and none that the host found while it read from the network.
//! A guest of 0.3 has them from a future.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, IoError};

use crate::sandbox::Sandbox;

/// Puts a `http-error-code` that knows them all in the place of the host crate's.
pub(super) fn add_to_linker(linker: &mut Linker<Sandbox>) -> Result<()> {
    linker.instance("wasi:http/types@0.2.12")?.func_wrap("http-error-code", http_error_code)
}

fn http_error_code(
    mut store: StoreContextMut<'_, Sandbox>,
    (error,): (Resource<IoError>,),
) -> Result<(Option<ErrorCode>,)> {
    let error = store.data_mut().table().get(&error)?;
    Ok((error.downcast_ref::<ErrorCode>().cloned().or_else(|| Some(code_0_2(error.downcast_ref()?))),))
}

/// The codes that a body can end with. What is not among them keeps its words. The versions' types have the same names.
macro_rules! code {
    ($name:ident, $code:ty) => {
        pub(super) fn $name(error: &Error) -> $code {
            match error {
                Error::ConnectionReadTimeout => <$code>::ConnectionReadTimeout,
                Error::ConnectionTerminated => <$code>::ConnectionTerminated,
                Error::HttpProtocolError => <$code>::HttpProtocolError,
                Error::HttpRequestBodySize(size) => <$code>::HttpRequestBodySize(*size),
                Error::HttpResponseBodySize(size) => <$code>::HttpResponseBodySize(*size),
                Error::HttpResponseIncomplete => <$code>::HttpResponseIncomplete,
                Error::HttpResponseHeaderSectionSize(size) => <$code>::HttpResponseHeaderSectionSize(*size),
                Error::HttpResponseTimeout => <$code>::HttpResponseTimeout,
                Error::InternalError(words) => <$code>::InternalError(words.clone()),
                other => <$code>::InternalError(Some(other.to_string())),
            }
        }
    };
}
code!(code_0_2, ErrorCode);
code!(code_0_3, wasmtime_wasi_http::p3::bindings::http::types::ErrorCode);

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode as ErrorCode0_3;

    #[test]
    fn what_ends_a_body_has_its_code() {
        assert!(matches!(code_0_2(&Error::HttpResponseIncomplete), ErrorCode::HttpResponseIncomplete));
        assert!(matches!(code_0_2(&Error::ConnectionReadTimeout), ErrorCode::ConnectionReadTimeout));
        assert!(matches!(code_0_2(&Error::LoopDetected), ErrorCode::InternalError(Some(_))));
        let too_short = code_0_3(&Error::HttpResponseBodySize(Some(13)));
        assert!(matches!(too_short, ErrorCode0_3::HttpResponseBodySize(Some(13))));
    }
}
