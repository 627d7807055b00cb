//! From a file and a request to the response.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::body::{FileBody, FileError, Reader, Segment, length};
use super::conditions::{Validators, Verdict};
use super::find::Opened;
use super::ranges::{Selection, select};
use super::readers::{Buffers, Readers};

/// The response for a file that was found. It blocks, since it reads the first piece.
pub(crate) fn of_file(
    opened: Opened,
    method: &Method,
    headers: &HeaderMap,
    now: SystemTime,
    buffers: &Arc<Buffers>,
    readers: Readers,
) -> Result<Response<FileBody>, FileError> {
    let validators = Validators::new(&opened.facts, now);
    let head = Head::new(&opened, &validators);
    let ranges = match validators.check(method, headers) {
        Verdict::NotModified => return Ok(head.without_body(StatusCode::NOT_MODIFIED)),
        Verdict::Failed => return Ok(error_response(StatusCode::PRECONDITION_FAILED)),
        Verdict::Send { ranges } => ranges,
    };
    let whole = opened.facts.length;
    let selection = if ranges { select(headers, whole) } else { Selection::Whole };
    let Some((mut response, segments)) = head.of_selection(selection, whole) else {
        return Ok(unsatisfiable(whole));
    };
    if method == Method::GET && length(&segments) > 0 {
        let reader = Reader::new(opened.file, validators.is_strong.then_some(opened.facts));
        *response.body_mut() = FileBody::of_file(segments, reader, buffers, readers)?;
    }
    Ok(response)
}

/// What the head of every response for a file is made of.
struct Head<'a> {
    opened: &'a Opened,
    validators: &'a Validators,
    content_type: HeaderValue,
}

impl<'a> Head<'a> {
    fn new(opened: &'a Opened, validators: &'a Validators) -> Self {
        Self { opened, validators, content_type: content_type(&opened.name) }
    }

    /// The head, and what follows; `None` when the file has nothing of what is wanted.
    fn of_selection(
        &self,
        selection: Selection,
        whole: u64,
    ) -> Option<(Response<FileBody>, VecDeque<Segment>)> {
        let (mut response, segments) = match selection {
            Selection::Unsatisfiable => return None,
            Selection::Whole => (self.with_body(StatusCode::OK), VecDeque::from([Segment::OfFile(0..whole)])),
            Selection::Parts(parts) => {
                let mut response = self.with_body(StatusCode::PARTIAL_CONTENT);
                let segments = match parts.as_slice() {
                    [only] => {
                        set(&mut response, header::CONTENT_RANGE, content_range(only, whole));
                        VecDeque::from([Segment::OfFile(only.clone())])
                    }
                    several => self.multipart(several, whole, &mut response),
                };
                (response, segments)
            }
        };
        set(&mut response, header::CONTENT_LENGTH, length(&segments).to_string());
        Some((response, segments))
    }

    /// Several ranges as one body (RFC 9110, section 14.6).
    fn multipart(
        &self,
        parts: &[Range<u64>],
        whole: u64,
        response: &mut Response<FileBody>,
    ) -> VecDeque<Segment> {
        // It has what tells this content from every other, which no file can know of itself.
        let boundary = format!("part-{}", self.validators.bare_tag());
        let kind = self.content_type.to_str().unwrap_or_default();
        let mut segments = VecDeque::with_capacity(2 * parts.len() + 1);
        for (position, part) in parts.iter().enumerate() {
            let line_end = if position == 0 { "" } else { "\r\n" };
            let head = format!(
                "{line_end}--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {}\r\n\r\n",
                content_range(part, whole)
            );
            segments.push_back(Segment::Words(head.into()));
            segments.push_back(Segment::OfFile(part.clone()));
        }
        segments.push_back(Segment::Words(format!("\r\n--{boundary}--\r\n").into()));
        set(response, header::CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}"));
        segments
    }

    fn with_body(&self, status: StatusCode) -> Response<FileBody> {
        let mut response = self.without_body(status);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(encoding) = self.opened.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
        }
        response
    }

    /// What 304 has too (RFC 9110, section 15.4.5).
    fn without_body(&self, status: StatusCode) -> Response<FileBody> {
        let mut response = Response::new(FileBody::default());
        *response.status_mut() = status;
        if let Some(tag) = self.validators.tag() {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if let Some(time) = self.validators.last_modified {
            set(&mut response, header::LAST_MODIFIED, httpdate::fmt_http_date(time));
        }
        if self.opened.has_forms {
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        response
    }
}

/// The text is ours and always a value; one that were none would be left out.
fn set(response: &mut Response<FileBody>, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(name, value);
    }
}

fn content_range(part: &Range<u64>, whole: u64) -> String {
    format!("bytes {}-{}/{whole}", part.start, part.end.saturating_sub(1))
}

/// By the extension of the file's name. Texts are UTF-8.
fn content_type(name: &str) -> HeaderValue {
    let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    let is_text = kind.starts_with("text/")
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/javascript" | "application/xml" | "application/json" | "application/manifest+json"
        );
    let text = if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn unsatisfiable(whole: u64) -> Response<FileBody> {
    let mut response = error_response(StatusCode::RANGE_NOT_SATISFIABLE);
    set(&mut response, header::CONTENT_RANGE, format!("bytes */{whole}"));
    response
}

/// A file stands there, and nothing can be done with it but get it.
pub(crate) fn wrong_method() -> Response<FileBody> {
    let mut response = error_response(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// To the directory of this target, with its query. The location begins with the path as it was sent, which names files and so begins
/// with one `/`: it cannot lead to another host.
pub(crate) fn redirect(target: &Uri) -> Response<FileBody> {
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = error_response(StatusCode::MOVED_PERMANENTLY);
    set(&mut response, header::LOCATION, format!("{}/{query}", target.path()));
    response
}

/// A status in words.
pub(crate) fn error_response(status: StatusCode) -> Response<FileBody> {
    let words = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut response = Response::new(FileBody::of_words(words));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
