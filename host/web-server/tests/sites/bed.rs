//! A site in a temporary directory, and requests to it.

use std::fs;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use wasm_roles_web_server::files::{Directory, FileBody};
use wasm_roles_web_server::sites::{Answer, Binding, Place, Site, SiteOptions, Sites};

pub const PORT: NonZeroU16 = NonZeroU16::new(8080).unwrap();

/// A folder `content`, which is served, and what lies around it, which is not.
pub struct Bed {
    folder: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    /// A field of the head; empty when it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Bed {
    /// With these files in `content`.
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let bed = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bed.content()).unwrap();
        for (name, content) in files {
            bed.write(name, content);
        }
        bed
    }

    pub fn content(&self) -> PathBuf {
        self.folder.path().join("content")
    }

    /// The folder around `content`.
    pub fn around(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.content().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn directory(&self) -> Directory {
        Directory::open(&self.content()).unwrap()
    }

    /// The site alone, an hour later: every file has been left alone for a while.
    pub fn sites(&self) -> Sites {
        self.sites_with(false, Duration::from_secs(3600))
    }

    pub fn sites_with(&self, has_application: bool, later: Duration) -> Sites {
        sites_of(Place { directory: Some(self.directory()), children: vec![] }, has_application, later)
    }

    pub async fn get(&self, target: &str, fields: &[(&str, &str)]) -> Got {
        got(self.sites().answer(PORT, &request("GET", target, fields)).await).await
    }

    pub async fn status(&self, target: &str) -> u16 {
        self.get(target, &[]).await.status.as_u16()
    }
}

/// A site on [`PORT`] for every host.
pub fn sites_of(root: Place, has_application: bool, later: Duration) -> Sites {
    let site = Site { bindings: vec![Binding { port: PORT, host: None }], root };
    Sites::new(vec![site], options(has_application, later))
}

pub fn options(has_application: bool, later: Duration) -> SiteOptions {
    SiteOptions { has_application, now: Arc::new(move || SystemTime::now() + later) }
}

pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target).header("host", "example");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The response of an answer that has one.
pub fn response(answer: Answer) -> Response<FileBody> {
    match answer {
        Answer::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

pub async fn got(answer: Answer) -> Got {
    let (head, body) = response(answer).into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got { status: head.status, headers: head.headers, body }
}

/// `file`, `application`, `no site`, or the status.
pub fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Response(response) if response.status().is_success() => "file".to_owned(),
        Answer::Response(response) => response.status().as_u16().to_string(),
        Answer::Application => "application".to_owned(),
        Answer::NoSite => "no site".to_owned(),
    }
}
