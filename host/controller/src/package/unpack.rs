//! Unpacking: an archive that a stranger has made becomes a folder.
//!
//! Regular files and folders are made, and nothing else: a link, a device or a sparse file ends it. Each file is made anew, so
//! that no entry writes over another; everything goes through one handle of the folder, out of which no name leads. What is
//! counted is what was read, never what a header says. When this returns, all of it is on the disk.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, OpenOptions};
use tar::{Archive, EntryType, PaxExtensions};

use super::path::{self, PathError};

/// Names that are too long for a header come as an entry of their own, which is read whole.
const LONGEST_NOTE: u64 = 64 << 10;

/// How much a package may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageLimits {
    /// Bytes of the archive, and of all files together. Default: 1 GiB.
    pub bytes: u64,
    /// Files and folders; one that has an entry of its own counts twice. Default: 50,000.
    pub entries: u32,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self { bytes: 1 << 30, entries: 50_000 }
    }
}

/// Why a package cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is no tar archive, or a part of one.
    #[error("the package is no whole tar archive: {0}")]
    NoArchive(String),
    /// An entry has a name that leads out, or is none.
    #[error("the package has an entry `{name}` that cannot be unpacked: {error}")]
    Path {
        /// The name, without control characters.
        name: String,
        /// Why.
        error: PathError,
    },
    /// An entry that is neither a file nor a folder.
    #[error("the package has an entry `{name}` that is neither a file nor a folder, but {kind}")]
    Kind {
        /// The name, without control characters.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two entries have one name, or a file has the name of a folder.
    #[error("the package has the entry `{0}` twice")]
    Twice(String),
    /// More than a package may hold.
    #[error("the package is larger than {limit} {what}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// `bytes` or `files and folders`.
        what: &'static str,
    },
    /// The host cannot keep it.
    #[error("the host cannot keep the package: {path}: {error}")]
    Disk {
        /// The file, as the package names it.
        path: String,
        /// What the operating system says.
        error: io::Error,
    },
}

impl UnpackError {
    /// Whether the host, and not the one who made the package, has to do something about it.
    pub(crate) const fn is_of_host(&self) -> bool {
        matches!(self, Self::Disk { .. })
    }
}

/// Unpacks `archive` into `folder`, which is empty. It blocks. After an error some of it may be there.
///
/// # Errors
///
/// See [`UnpackError`].
pub fn unpack(archive: impl Read, folder: &Dir, limits: PackageLimits) -> Result<(), UnpackError> {
    let mut archive = Archive::new(archive);
    let mut unpacking = Unpacking { folder, limits, bytes: 0, entries: 0, folders: BTreeSet::new() };
    let entries = archive.entries().map_err(no_archive)?.raw(true);
    let mut long_name = None;
    for entry in entries {
        let mut entry = entry.map_err(no_archive)?;
        unpacking.count_entry()?;
        let kind = entry.header().entry_type();
        if let EntryType::GNULongName | EntryType::XHeader = kind {
            let note = note(&mut entry)?;
            long_name = match kind {
                EntryType::GNULongName => Some(until_zero(&note).to_vec()),
                _ => path_of_pax(&note).or(long_name),
            };
            continue;
        }
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        match kind {
            EntryType::Regular | EntryType::Continuous => {
                let promised = entry.size();
                unpacking.file(&name, promised, &mut entry)?;
            }
            EntryType::Directory => unpacking.folder(&name)?,
            // Remarks about all that follows, such as the commit an archive was made of.
            EntryType::XGlobalHeader => {}
            other => return Err(UnpackError::Kind { name: shown(&name), kind: in_words(other) }),
        }
    }
    unpacking.finish()
}

struct Unpacking<'a> {
    folder: &'a Dir,
    limits: PackageLimits,
    bytes: u64,
    entries: u32,
    /// Made here, to be written to the disk at the end.
    folders: BTreeSet<PathBuf>,
}

impl Unpacking<'_> {
    fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries {
            let limit = u64::from(self.limits.entries);
            return Err(UnpackError::TooLarge { limit, what: "files and folders" });
        }
        Ok(())
    }

    fn folder(&mut self, name: &[u8]) -> Result<(), UnpackError> {
        match path::inside(name) {
            Ok(path) => self.make_folders(&path),
            // The root itself.
            Err(PathError::Empty) => Ok(()),
            Err(error) => Err(UnpackError::Path { name: shown(name), error }),
        }
    }

    fn make_folders(&mut self, path: &Path) -> Result<(), UnpackError> {
        let missing: Vec<&Path> = path
            .ancestors()
            .filter(|folder| !folder.as_os_str().is_empty())
            .take_while(|folder| !self.folders.contains(*folder))
            .collect();
        for folder in missing.into_iter().rev() {
            // One entry can have a whole path of them.
            self.count_entry()?;
            self.folder.create_dir(folder).map_err(|error| twice_or_disk(folder, error))?;
            self.folders.insert(folder.to_owned());
        }
        Ok(())
    }

    fn file(&mut self, name: &[u8], promised: u64, content: &mut impl Read) -> Result<(), UnpackError> {
        let path = path::inside(name).map_err(|error| UnpackError::Path { name: shown(name), error })?;
        if let Some(parent) = path.parent() {
            self.make_folders(parent)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = self.folder.open_with(&path, &options).map_err(|error| twice_or_disk(&path, error))?;
        if self.copy(content, &mut file, &path)? != promised {
            return Err(UnpackError::NoArchive(format!("it ends in the middle of {}", path.display())));
        }
        file.sync_all().map_err(|error| disk(&path, error))
    }

    /// Tells how many bytes there were.
    fn copy(&mut self, from: &mut impl Read, to: &mut impl Write, path: &Path) -> Result<u64, UnpackError> {
        let mut buffer = vec![0; 64 << 10];
        let before = self.bytes;
        loop {
            let length = match from.read(&mut buffer) {
                Ok(0) => return Ok(self.bytes - before),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(no_archive(error)),
            };
            self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if self.bytes > self.limits.bytes {
                return Err(UnpackError::TooLarge { limit: self.limits.bytes, what: "bytes" });
            }
            to.write_all(buffer.get(..length).unwrap_or_default()).map_err(|error| disk(path, error))?;
        }
    }

    /// The names of files are in their folders: these too have to be on the disk.
    fn finish(self) -> Result<(), UnpackError> {
        for path in self.folders.iter().map(PathBuf::as_path).chain([Path::new(".")]) {
            sync_folder(self.folder, path).map_err(|error| disk(path, error))?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Dir, path: &Path) -> io::Result<()> {
    folder.open(path)?.sync_all()
}

/// There folders cannot be opened as files.
#[cfg(not(unix))]
fn sync_folder(_: &Dir, _: &Path) -> io::Result<()> {
    Ok(())
}

fn no_archive(error: io::Error) -> UnpackError {
    UnpackError::NoArchive(error.to_string().escape_debug().to_string())
}

fn twice_or_disk(path: &Path, error: io::Error) -> UnpackError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            UnpackError::Twice(path.display().to_string())
        }
        _ => disk(path, error),
    }
}

fn disk(path: &Path, error: io::Error) -> UnpackError {
    UnpackError::Disk { path: path.display().to_string(), error }
}

/// What an entry about the next entry says.
fn note(entry: &mut impl Read) -> Result<Vec<u8>, UnpackError> {
    let mut note = Vec::new();
    // One more, to tell a long one from one that is too long.
    let read = entry.take(LONGEST_NOTE + 1).read_to_end(&mut note).map_err(no_archive)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LONGEST_NOTE {
        return Err(UnpackError::Path { name: shown(&note), error: PathError::TooLong });
    }
    Ok(note)
}

fn path_of_pax(note: &[u8]) -> Option<Vec<u8>> {
    let mut extensions = PaxExtensions::new(note).filter_map(Result::ok);
    extensions.find(|extension| extension.key_bytes() == b"path").map(|path| path.value_bytes().to_vec())
}

fn until_zero(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A name that a stranger has chosen, for people.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(name);
    text.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

const fn in_words(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "something that this host does not know",
    }
}
