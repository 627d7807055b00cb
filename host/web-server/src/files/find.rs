//! Finds the file for a path below a directory. All of it blocks.
//!
//! Every name goes through the handle of the directory (cap-std): `..`, absolute paths and symbolic links that lead out of it are
//! refused by the operating system or by cap-std, also when something changes while it is looked at. Links inside
//! work. Only regular files are content: a pipe or a device is not, and opening one does not wait.

use std::fmt;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cap_fs_ext::{MetadataExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::conditions::Facts;
use super::encodings::{Accepted, Encoding};
use super::hidden::is_hidden;

/// What is sent for a directory, the first that is there.
const INDEX: [&str; 4] = ["index.html", "index.htm", "default.html", "default.htm"];

/// How much older than the file itself its compressed form may be. It is made after it, but copies of a tree are made in any order.
const OLDER: Duration = Duration::from_secs(60);

/// The first bytes of a component; those of a module end in `\x01\0\0\0`.
const COMPONENT: &[u8; 8] = b"\0asm\x0d\0\x01\0";

/// A `.wasm` that is packed.
const PACKED_WASM: [&str; 2] = [".wasm.gz", ".wasm.br"];

/// A directory whose files are served. A clone is the same handle.
#[derive(Clone)]
pub struct Directory(Arc<Dir>);

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// Opens it, following symbolic links in `path`. From then on it is this directory, whatever `path` comes to mean. It blocks.
    ///
    /// # Errors
    ///
    /// What the operating system says; [`io::ErrorKind::NotADirectory`] for anything else than a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Dir::open_ambient_dir(path, ambient_authority()).map(|directory| Self(Arc::new(directory)))
    }
}

/// What there is at a path.
#[derive(Debug)]
pub(crate) enum There {
    File(Opened),
    /// A directory with an index file, named without a `/` at its end.
    IsDirectory,
    Nothing,
}

/// A file that may be sent.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: std::fs::File,
    pub(crate) facts: Facts,
    /// The name that tells what is in it.
    pub(crate) name: String,
    pub(crate) encoding: Option<Encoding>,
    /// Whether other clients get it in another form.
    pub(crate) has_forms: bool,
}

impl Directory {
    /// What `names` is; the index file when `is_directory`, in the form that is accepted.
    pub(crate) fn find(&self, names: &[String], is_directory: bool, accepted: Accepted) -> io::Result<There> {
        if is_hidden(names) {
            return Ok(There::Nothing);
        }
        let path = names.join("/");
        if is_directory {
            return self.index(&path, accepted).map(|found| found.map_or(There::Nothing, There::File));
        }
        if path.is_empty() {
            return self.without_slash(&path);
        }
        match self.open_any(&path)? {
            Some((_, metadata)) if metadata.is_dir() => self.without_slash(&path),
            Some((file, metadata)) => {
                let file = self.content(&path, file, &metadata, accepted)?;
                Ok(file.map_or(There::Nothing, There::File))
            }
            None => Ok(There::Nothing),
        }
    }

    fn without_slash(&self, path: &str) -> io::Result<There> {
        let index = self.index(path, Accepted::default())?;
        Ok(index.map_or(There::Nothing, |_| There::IsDirectory))
    }

    fn index(&self, directory: &str, accepted: Accepted) -> io::Result<Option<Opened>> {
        for name in INDEX {
            let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
            if let Some((file, metadata)) = self.open_any(&path)?
                && let Some(index) = self.content(&path, file, &metadata, accepted)?
            {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// A file or directory; `None` when there is none, or none that may be read.
    fn open_any(&self, path: &str) -> io::Result<Option<(cap_std::fs::File, Metadata)>> {
        // Without waiting: opening a pipe would wait for somebody who writes to it.
        let opened = self.0.open_with(path, OpenOptions::new().read(true).nonblock(true));
        let with_metadata = opened.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        match with_metadata {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file, or the form of it that the client takes; `None` when it is not content.
    fn content(
        &self,
        path: &str,
        file: cap_std::fs::File,
        metadata: &Metadata,
        accepted: Accepted,
    ) -> io::Result<Option<Opened>> {
        let mut file = file.into_std();
        if !metadata.is_file() || is_component(path, &mut file)? || !self.packs_content(path)? {
            return Ok(None);
        }
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        let facts = facts(metadata)?;
        let own = Opened { file, facts, name, encoding: None, has_forms: false };
        if is_packed_already(&own.name) {
            return Ok(Some(own));
        }
        self.in_best_form(path, own, accepted).map(Some)
    }

    /// What is in a packed `.wasm` shows only beside it: when there is no module there, it may be a component.
    fn packs_content(&self, path: &str) -> io::Result<bool> {
        let lower = path.to_ascii_lowercase();
        let Some(length) = PACKED_WASM.iter().find_map(|end| {
            lower.ends_with(end).then(|| path.len().saturating_sub(end.len()).saturating_add(".wasm".len()))
        }) else {
            return Ok(true);
        };
        let plain = path.get(..length).unwrap_or_default();
        let Some((file, metadata)) = self.open_any(plain)? else { return Ok(false) };
        Ok(metadata.is_file() && !is_component(plain, &mut file.into_std())?)
    }

    fn in_best_form(&self, path: &str, own: Opened, accepted: Accepted) -> io::Result<Opened> {
        let mut there = Vec::with_capacity(Encoding::ALL.len());
        for encoding in Encoding::ALL {
            let metadata = self.0.metadata(format!("{path}{}", encoding.extension()));
            if metadata.is_ok_and(|metadata| is_form_of(&metadata, &own.facts)) {
                there.push(encoding);
            }
        }
        let own = Opened { has_forms: !there.is_empty(), ..own };
        let Some(encoding) = accepted.best(&there) else { return Ok(own) };
        match self.open_any(&format!("{path}{}", encoding.extension()))? {
            Some((file, metadata)) if is_form_of(&metadata, &own.facts) => Ok(Opened {
                file: file.into_std(),
                facts: facts(&metadata)?,
                encoding: Some(encoding),
                ..own
            }),
            // It went away between the two looks.
            _ => Ok(own),
        }
    }
}

/// Whether an error says that there is nothing to serve at a path. A path that leads out is refused as not permitted.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    /// `ELOOP`: links that go round in circles; the kind for it is not stable yet.
    const TOO_MANY_LINKS: i32 = 40;
    /// `ENXIO`: a socket, or a pipe that nobody reads from.
    const NO_DEVICE: i32 = 6;
    matches!(
        error.kind(),
        Kind::NotFound
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::PermissionDenied
            | Kind::InvalidInput
            | Kind::InvalidFilename
    ) || (cfg!(unix) && matches!(error.raw_os_error(), Some(TOO_MANY_LINKS | NO_DEVICE)))
}

fn is_form_of(metadata: &Metadata, of: &Facts) -> bool {
    let modified = metadata.modified().map(cap_std::time::SystemTime::into_std);
    metadata.is_file()
        && modified.is_ok_and(|modified| modified.checked_add(OLDER).is_none_or(|late| late >= of.modified))
}

fn is_component(path: &str, file: &mut std::fs::File) -> io::Result<bool> {
    if !path.to_ascii_lowercase().ends_with(".wasm") {
        return Ok(false);
    }
    let mut first = Vec::with_capacity(COMPONENT.len());
    file.by_ref().take(8).read_to_end(&mut first)?;
    file.rewind()?;
    Ok(first == COMPONENT)
}

/// What packing does not make smaller: nobody keeps packed forms of it, and looking for them would be in vain.
fn is_packed_already(name: &str) -> bool {
    let kind = mime_guess::from_path(name).first_raw().unwrap_or_default();
    let (top, sub) = kind.split_once('/').unwrap_or_default();
    match top {
        "image" => sub != "svg+xml" && sub != "bmp",
        "audio" | "video" => true,
        "font" => sub.starts_with("woff"),
        _ => matches!(sub, "zip" | "gzip" | "x-brotli"),
    }
}

fn facts(metadata: &Metadata) -> io::Result<Facts> {
    Ok(Facts {
        length: metadata.len(),
        modified: metadata.modified()?.into_std(),
        changed: changed(metadata),
        inode: MetadataExt::ino(metadata),
    })
}

/// What the file system says about an open file now.
pub(crate) fn facts_now(file: &std::fs::File) -> io::Result<Facts> {
    let metadata = file.metadata()?;
    facts(&Metadata::from_just_metadata(metadata))
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> i128 {
    use cap_std::fs::MetadataExt;
    i128::from(metadata.ctime()).saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec().into())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> i128 {
    0
}
