//! What a request must be, before anything of it leaves, and the form in which it leaves.

use http::header::HOST;
use http::{HeaderMap, Method, Request, Uri, Version};
use wasmtime_wasi_http::{Error, WasiBody};

use super::limits::{HEAD_BYTES, HEAD_FIELDS, METHOD_BYTES, PATH_BYTES};

/// Refuses what cannot be sent.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Error> {
    // CONNECT makes a tunnel, and there is no proxy to make it.
    if request.method() == Method::CONNECT || request.method().as_str().len() > METHOD_BYTES {
        return Err(Error::HttpRequestMethodInvalid);
    }
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > PATH_BYTES) {
        return Err(Error::HttpRequestUriTooLong);
    }
    let size = head_size(request.headers());
    if size > HEAD_BYTES || request.headers().len() > HEAD_FIELDS {
        return Err(Error::HttpRequestHeaderSectionSize(u32::try_from(size).ok()));
    }
    Ok(())
}

/// Bytes of all fields as HTTP/1.1 writes them.
fn head_size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
        .sum()
}

/// The request as HTTP/1.1 sends it to the server itself: the path alone, and the host in its header.
pub(super) fn for_http1(mut request: Request<WasiBody>) -> Request<WasiBody> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    *request.version_mut() = Version::HTTP_11;
    request
}

/// The request as HTTP/2 sends it: scheme and host are pseudo headers, made from the URL.
pub(super) fn for_http2(mut request: Request<WasiBody>) -> Request<WasiBody> {
    request.headers_mut().remove(HOST);
    *request.version_mut() = Version::HTTP_2;
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_a_longest() {
        let with = |value: usize| {
            let request = Request::get("http://a/").header("x", "v".repeat(value)).body(()).unwrap();
            check(&request)
        };
        assert!(with(HEAD_BYTES - 5).is_ok());
        assert!(matches!(with(HEAD_BYTES), Err(Error::HttpRequestHeaderSectionSize(Some(65541)))));
        let mut many = Request::get("http://a/").body(()).unwrap();
        (0..=HEAD_FIELDS).for_each(|_| {
            many.headers_mut().append("x", "y".parse().unwrap());
        });
        assert!(matches!(check(&many), Err(Error::HttpRequestHeaderSectionSize(_))));
        let long = Request::get(format!("http://a/{}", "p".repeat(PATH_BYTES))).body(()).unwrap();
        assert!(matches!(check(&long), Err(Error::HttpRequestUriTooLong)));
    }

    #[test]
    fn methods_have_a_longest() {
        let with = |length: usize| {
            let method = "M".repeat(length);
            check(&Request::builder().method(method.as_str()).uri("http://a/").body(()).unwrap())
        };
        assert!(with(METHOD_BYTES).is_ok());
        assert!(matches!(with(METHOD_BYTES + 1), Err(Error::HttpRequestMethodInvalid)));
    }

    #[test]
    fn there_are_no_tunnels() {
        let connect = Request::connect("http://a/").body(()).unwrap();
        assert!(matches!(check(&connect), Err(Error::HttpRequestMethodInvalid)));
    }
}
