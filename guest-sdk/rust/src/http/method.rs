//! Request methods.

use std::fmt;

use wasip3::http::types as wasi;

/// What a request asks to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 9110 says what each means")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    /// Any other, as the client wrote it.
    Other(String),
}

impl Method {
    /// The name, as it stands in the request.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<wasi::Method> for Method {
    fn from(method: wasi::Method) -> Self {
        match method {
            wasi::Method::Get => Self::Get,
            wasi::Method::Head => Self::Head,
            wasi::Method::Post => Self::Post,
            wasi::Method::Put => Self::Put,
            wasi::Method::Delete => Self::Delete,
            wasi::Method::Connect => Self::Connect,
            wasi::Method::Options => Self::Options,
            wasi::Method::Trace => Self::Trace,
            wasi::Method::Patch => Self::Patch,
            wasi::Method::Other(name) => Self::Other(name),
        }
    }
}
