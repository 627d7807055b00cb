//! Sites: which requests of a role are answered by files, and which by its application (facts: section 2.8).
//!
//! ```text
//! local port + host -> site -> virtual application or directory -> a file below its directory
//! ```
//!
//! | a request | that finds a file | that finds none |
//! |---|---|---|
//! | GET, HEAD | the file ([`files`](crate::files)) | the application; without one 404, or 400 when its path is malformed |
//! | any other, with an application | the application, and nobody looks for a file | |
//! | any other, without one | 405 with `Allow` | 404, or 400 |
//!
//! A request for a directory without a `/` at its end is sent there with one, if the directory has an index file; else it is the
//! application's, as is everything that names no file (`path.rs`). The application gets the path as it was sent.

mod path;
mod table;

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use http::{Method, Response, StatusCode, header};

use crate::files::{Directory, FileBody, Files, Question, error_response, redirect};
use path::Reading;
use table::Table;

pub use table::{Binding, Place, Site};

/// The sites of a role; one value for all its instances. The default has no sites: every request is the application's.
#[derive(Debug, Default)]
pub struct Sites(Option<Served>);

#[derive(Debug)]
struct Served {
    table: Table,
    has_application: bool,
    has_files: bool,
    files: Arc<Files>,
}

/// What sites need besides what the definition says.
#[derive(Clone)]
pub struct SiteOptions {
    /// Whether the role has an application. Without one, what no file answers is not found.
    pub has_application: bool,
    /// The time of day, for what a client may conclude from times of files.
    pub now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl fmt::Debug for SiteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteOptions").field("has_application", &self.has_application).finish_non_exhaustive()
    }
}

/// Who answers a request.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "each request has one, and a box would cost more than the move")]
pub enum Answer {
    /// This does: a file, or that there is none.
    Response(Response<FileBody>),
    /// The application does.
    Application,
    /// No site has a binding for its port and host.
    NoSite,
}

impl Sites {
    /// These sites.
    #[must_use]
    pub fn new(sites: Vec<Site>, options: SiteOptions) -> Self {
        let SiteOptions { has_application, now } = options;
        let table = Table::new(sites);
        Self(Some(Served {
            has_files: table.has_files(),
            table,
            has_application,
            files: Arc::new(Files::new(now)),
        }))
    }

    /// Whether any of them has files. A role without a handler answers requests only then.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.0.as_ref().is_some_and(|served| served.has_files)
    }

    /// Who answers a request that came to `port`. Files are looked for and read away from the caller's thread.
    pub async fn answer(&self, port: NonZeroU16, request: &Parts) -> Answer {
        let Some(served) = &self.0 else { return Answer::Application };
        let Some(site) = served.table.site(port, authority(request)) else { return Answer::NoSite };
        let may_be_a_file = matches!(request.method, Method::GET | Method::HEAD) || !served.has_application;
        if may_be_a_file && site.has_files() {
            served.of_site(site, request).await
        } else {
            served.nothing(StatusCode::NOT_FOUND)
        }
    }
}

/// HTTP/2 has the host in the target, HTTP/1.1 in a field; the target comes first (RFC 9112, section 3.2.2).
fn authority(request: &Parts) -> Option<&str> {
    let of_target = request.uri.authority().map(|authority| {
        let authority = authority.as_str();
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    });
    of_target.or_else(|| request.headers.get(header::HOST)?.to_str().ok())
}

impl Served {
    async fn of_site(&self, site: &Place, request: &Parts) -> Answer {
        let path = match path::read(request.uri.path()) {
            Reading::Names(path) => path,
            Reading::NoFile => return self.nothing(StatusCode::NOT_FOUND),
            Reading::Malformed => return self.nothing(StatusCode::BAD_REQUEST),
        };
        let (place, names) = site.find(&path.names);
        let Some(directory) = &place.directory else { return self.nothing(StatusCode::NOT_FOUND) };
        self.of_directory(directory, names, path.is_directory, request).await
    }

    async fn of_directory(
        &self,
        directory: &Directory,
        names: &[String],
        is_directory: bool,
        request: &Parts,
    ) -> Answer {
        let question = Question::new(directory, names, is_directory, request);
        match self.files.answer(question).await {
            Ok(crate::files::Found::Response(response)) => Answer::Response(response),
            Ok(crate::files::Found::IsDirectory) => Answer::Response(redirect(&request.uri)),
            Ok(crate::files::Found::Nothing) => self.nothing(StatusCode::NOT_FOUND),
            Err(_) => Answer::Response(error_response(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }

    fn nothing(&self, status: StatusCode) -> Answer {
        if self.has_application { Answer::Application } else { Answer::Response(error_response(status)) }
    }
}
