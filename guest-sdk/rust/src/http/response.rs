//! An answer, and how it gets to the client.

use wasip3::http::types::{self as wasi, ErrorCode, Fields};
use wasip3::{wit_future, wit_stream};

use super::background;

/// The answer to one request.
///
/// ```
/// use wasm_roles_sdk::http::Response;
///
/// let created = Response::text("order 17").with_status(201).with_header("location", "/orders/17");
/// assert_eq!(created.status(), 201);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    /// An answer without a body. The status is that of RFC 9110, 200 to 599.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200 with a plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::of_type("text/plain; charset=utf-8", text.into())
    }

    /// 200 with a page.
    #[must_use]
    pub fn html(page: impl Into<String>) -> Self {
        Self::of_type("text/html; charset=utf-8", page.into())
    }

    /// 200 with JSON, given as its text.
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Self::of_type("application/json", text.into())
    }

    fn of_type(content_type: &str, body: String) -> Self {
        Self::new(200).with_header("content-type", content_type).with_body(body)
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in the order in which they were added.
    #[must_use]
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Hands the answer to the host. A header or status that HTTP does not allow becomes an internal error that names it.
    pub(super) fn send(self) -> Result<wasi::Response, ErrorCode> {
        let length = self.needs_length().then(|| self.body.len().to_string().into_bytes());
        let mut headers = self.headers;
        headers.extend(length.map(|length| ("content-length".to_owned(), length)));
        // One call for all headers. Only when it fails, the guilty one is looked for.
        let fields = Fields::from_list(&headers).map_err(|_| internal(invalid_header(&headers)))?;
        let (no_trailers, trailers) = wit_future::new(|| Ok(None));
        let (body, contents) = if self.body.is_empty() {
            (None, None)
        } else {
            let (body, contents) = wit_stream::new();
            (Some(body), Some(contents))
        };
        let (response, _) = wasi::Response::new(fields, contents, trailers);
        // Dropping the writer says so, and costs least where the host already reads.
        drop(no_trailers);
        // A new response has status 200, and each call to the host costs time.
        if self.status != 200 {
            response
                .set_status_code(self.status)
                .map_err(|()| internal(format!("{} is not a valid status", self.status)))?;
        }
        if let Some(mut body) = body {
            let bytes = self.body;
            // A host may read the body only after it has got the response. What `write_all` gives back is what a
            // client that left did not read: nothing more is to be written then.
            background::run(async move { drop(body.write_all(bytes).await) });
        }
        Ok(response)
    }

    /// Whether to add a `content-length`: not where HTTP forbids it, nor where the role has set one.
    fn needs_length(&self) -> bool {
        !matches!(self.status, 100..=199 | 204 | 304)
            && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"))
    }
}

/// What to say of the first of these headers that HTTP does not allow.
fn invalid_header(headers: &[(String, Vec<u8>)]) -> String {
    let fields = Fields::new();
    let invalid = headers.iter().find(|(name, value)| fields.append(name, value).is_err());
    match invalid {
        Some((name, _)) => format!("`{name}` is not a valid header"),
        None => "the headers are not valid together".to_owned(),
    }
}

fn internal(reason: String) -> ErrorCode {
    ErrorCode::InternalError(Some(reason))
}

#[cfg(test)]
mod tests {
    use super::Response;

    #[test]
    fn a_response_gets_its_length_where_http_allows_one() {
        assert!(Response::text("hello").needs_length());
        assert!(Response::new(404).needs_length());
        assert!(!Response::new(204).needs_length());
        assert!(!Response::new(304).needs_length());
    }

    #[test]
    fn a_length_that_the_role_has_set_stays() {
        assert!(!Response::new(200).with_header("Content-Length", "17").needs_length());
    }
}
