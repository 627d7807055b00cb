//! Static content: a file as a response (RFC 9110).
//!
//! - *Validators*: a strong `ETag` and `Last-Modified`, and all conditions on them, in the order of the RFC (`conditions.rs`).
//! - *Ranges*: one or several, bounded in number (`ranges.rs`).
//! - *Forms*: `style.css.br` or `style.css.gz` beside `style.css`, by `Accept-Encoding`, each with validators of its own
//!   (`encodings.rs`). A form that is more than a minute older than the file was forgotten, and is left alone.
//! - *Content types* by the extension, texts as UTF-8, and `X-Content-Type-Options: nosniff`.
//! - *Index files* for directories; never a listing.
//! - *Never sent*: dot files, settings, keys, sources, components (`hidden.rs`, `find.rs`).
//!
//! Names go through a handle of the directory and cannot leave it (`find.rs`). Everything that blocks happens away from the caller's
//! thread, bounded in number and memory (`readers.rs`). A file that is cut short or changed while it is sent ends in an error
//! (`body.rs`). Nothing is kept between two requests, so nothing can be stale.

mod body;
mod conditions;
mod encodings;
mod find;
mod hidden;
mod ranges;
mod readers;
mod response;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use http::{HeaderMap, Method, Response};

use encodings::Accepted;
use find::There;
use readers::Readers;
use response::{of_file, wrong_method};

pub use body::{FileBody, FileError};
pub use find::Directory;
pub(crate) use response::{error_response, redirect};

/// Reads files for the requests of a role.
pub(crate) struct Files {
    readers: Readers,
    now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

/// A request for something in a directory.
pub(crate) struct Question {
    directory: Directory,
    names: Vec<String>,
    is_directory: bool,
    method: Method,
    headers: HeaderMap,
}

/// What was found for it.
#[allow(clippy::large_enum_variant, reason = "each request has one, and most are responses")]
pub(crate) enum Found {
    Response(Response<FileBody>),
    /// A directory that has an index file, named without a `/` at its end.
    IsDirectory,
    Nothing,
}

impl Question {
    /// For `names` below `directory`; for an index file when `is_directory`.
    pub(crate) fn new(directory: &Directory, names: &[String], is_directory: bool, request: &Parts) -> Self {
        Self {
            directory: directory.clone(),
            names: names.to_vec(),
            is_directory,
            method: request.method.clone(),
            headers: request.headers.clone(),
        }
    }
}

impl Files {
    pub(crate) fn new(now: Arc<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        Self { readers: Readers::new(), now }
    }

    /// # Errors
    ///
    /// The file system fails at something that is there.
    pub(crate) async fn answer(&self, question: Question) -> io::Result<Found> {
        let (readers, now) = (self.readers.clone(), (self.now)());
        let job = self.readers.clone().run(move |buffers| {
            let Question { directory, names, is_directory, method, headers } = question;
            let accepted = Accepted::read(&headers);
            Ok(match directory.find(&names, is_directory, accepted)? {
                There::File(_) | There::IsDirectory if !matches!(method, Method::GET | Method::HEAD) => {
                    Found::Response(wrong_method())
                }
                There::File(file) => Found::Response(
                    of_file(file, &method, &headers, now, buffers, readers).map_err(io::Error::other)?,
                ),
                There::IsDirectory => Found::IsDirectory,
                There::Nothing => Found::Nothing,
            })
        });
        job.await
    }
}
