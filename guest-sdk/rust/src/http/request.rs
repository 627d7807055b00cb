//! A request, as the client sent it.

use std::fmt;

use wasip3::http::types as wasi;
use wasip3::wit_future;
use wit_bindgen::StreamResult;

use super::Method;

/// One HTTP request. Nothing is copied out of the host before it is asked for.
#[derive(Debug)]
pub struct Request {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Received(wasi::Request),
    /// A test has written it.
    #[cfg(not(target_family = "wasm"))]
    Written(crate::testing::HttpRequest),
}

impl Request {
    pub(super) const fn new(inner: wasi::Request) -> Self {
        Self { inner: Inner::Received(inner) }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) const fn written(request: crate::testing::HttpRequest) -> Self {
        Self { inner: Inner::Written(request) }
    }

    /// Path and query.
    fn target(&self) -> Option<String> {
        match &self.inner {
            Inner::Received(request) => request.get_path_with_query(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Written(request) => Some(request.target.clone()),
        }
    }

    /// What the client asks to be done.
    #[must_use]
    pub fn method(&self) -> Method {
        match &self.inner {
            Inner::Received(request) => request.get_method().into(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Written(request) => request.method.clone(),
        }
    }

    /// The path, percent-encoding and all, without the query: `/` at least.
    #[must_use]
    pub fn path(&self) -> String {
        let target = self.target().unwrap_or_default();
        path_and_query(&target).0.to_owned()
    }

    /// The text after the `?`, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<String> {
        let target = self.target()?;
        path_and_query(&target).1.map(str::to_owned)
    }

    /// The host that the client asked for, with its port if it named one: `Host` in HTTP/1.1, `:authority` in HTTP/2.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match &self.inner {
            Inner::Received(request) => request.get_authority(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Written(request) => {
                request.header("host").and_then(|host| String::from_utf8(host.to_vec()).ok())
            }
        }
    }

    /// The first header of this name, in any case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let value = match &self.inner {
            Inner::Received(request) => request.get_headers().get(name).into_iter().next()?,
            #[cfg(not(target_family = "wasm"))]
            Inner::Written(request) => request.header(name)?.to_vec(),
        };
        String::from_utf8(value).ok()
    }

    /// All headers: names and raw values, in the order of the request.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        match &self.inner {
            Inner::Received(request) => request.get_headers().copy_all(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Written(request) => request.headers.clone(),
        }
    }

    /// Reads the body, which may have at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLong`] as soon as the limit is passed, [`BodyError::Broken`] when the client left half-way.
    pub async fn body(self, limit: usize) -> Result<Vec<u8>, BodyError> {
        #[cfg(not(target_family = "wasm"))]
        let received = match self.inner {
            Inner::Received(request) => request,
            Inner::Written(request) if request.body.len() > limit => {
                return Err(BodyError::TooLong { limit });
            }
            Inner::Written(request) => return Ok(request.body),
        };
        #[cfg(target_family = "wasm")]
        let Inner::Received(received) = self.inner;
        // WASI wants to hear whether the handler could use the body. Dropping the writer says yes.
        let (_, handled) = wit_future::new(|| Ok(()));
        let (mut incoming, end) = wasi::Request::consume_body(received, handled);
        let mut body = Vec::new();
        loop {
            if body.len() == body.capacity() {
                body.reserve(8 * 1024);
            }
            let (result, grown) = incoming.read(body).await;
            body = grown;
            if body.len() > limit {
                return Err(BodyError::TooLong { limit });
            }
            if result == StreamResult::Dropped {
                return end.await.map(|_| body).map_err(|code| BodyError::Broken(format!("{code:?}")));
            }
        }
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It has more bytes than the caller allows.
    TooLong {
        /// The most bytes that are allowed.
        limit: usize,
    },
    /// It ended before it was complete.
    Broken(String),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "the request's body has more than {limit} bytes"),
            Self::Broken(why) => write!(f, "the request's body is not complete: {why}"),
        }
    }
}

impl std::error::Error for BodyError {}

fn path_and_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (non_empty(path), Some(query)),
        None => (non_empty(target), None),
    }
}

const fn non_empty(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use super::path_and_query;

    #[test]
    fn the_query_begins_at_the_first_question_mark() {
        for (target, path, query) in [
            ("/", "/", None),
            ("/a/b", "/a/b", None),
            ("/a?x=1", "/a", Some("x=1")),
            ("/a?x=1?y", "/a", Some("x=1?y")),
            ("/a?", "/a", Some("")),
            ("?x", "/", Some("x")),
            ("", "/", None),
        ] {
            assert_eq!(path_and_query(target), (path, query), "{target}");
        }
    }
}
