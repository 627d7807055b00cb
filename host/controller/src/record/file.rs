//! Records as files: replaced as a whole, and read with suspicion.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FORMAT;

/// The largest record that is read, and written, in bytes: up to three configurations are in it.
const LARGEST: u64 = 64 << 20;

/// A record cannot be read. Nothing was changed on the disk.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not there.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// A later version of this program has written it.
    #[error("{} has format {found}, and this version reads format {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it says.
        found: u64,
    },
    /// It is not what this program has written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The operating system refuses it.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl RecordError {
    /// What the host's owner can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "start the host with the version that has written it",
            Self::Missing(_) | Self::Damaged { .. } => {
                "nothing of it was touched: put the file back from a copy, or move its folder away, and start the host again"
            }
            Self::Unreadable { .. } => {
                "see to it that the host's user can read the file, and start the host again"
            }
        }
    }
}

/// Reads a record. It blocks.
///
/// # Errors
///
/// See [`RecordError`].
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, RecordError> {
    let named = || path.to_owned();
    let bytes = match read_bounded(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(damaged(path, &format!("it has more than {LARGEST} bytes"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RecordError::Missing(named())),
        Err(error) => return Err(RecordError::Unreadable { path: named(), error }),
    };
    #[derive(serde::Deserialize)]
    struct Format {
        format: u64,
    }
    // The format first: a newer one may have fields that this version does not know.
    match serde_json::from_slice::<Format>(&bytes) {
        Ok(Format { format: FORMAT }) => {}
        Ok(Format { format: found }) => return Err(RecordError::Newer { path: named(), found }),
        Err(error) => return Err(damaged(path, &error.to_string())),
    }
    serde_json::from_slice(&bytes).map_err(|error| damaged(path, &error.to_string()))
}

pub(crate) fn damaged(path: &Path, reason: &str) -> RecordError {
    RecordError::Damaged { path: path.to_owned(), reason: reason.escape_debug().to_string() }
}

fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if fs::metadata(path)?.len() > LARGEST {
        return Ok(None);
    }
    fs::read(path).map(Some)
}

/// Replaces a record, or makes it. When this returns it is on the disk, and whenever the machine stops before, the one before
/// is. It blocks.
///
/// # Errors
///
/// It is too large, or what the operating system says. Which of the two is on the disk is not known then, only that it is one of them.
pub(crate) fn write<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record needs a folder and a name"));
    };
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    if u64::try_from(bytes.len()).map_or(true, |length| length > LARGEST) {
        let message = format!("it would have more than {LARGEST} bytes, and could not be read again");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let mut beside = name.to_owned();
    beside.push(".new");
    let beside = folder.join(beside);
    let mut options = OpenOptions::new();
    // One that a crash has left is of no use to anybody.
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)?;
    sync_folder(folder)
}

/// Replaces a record as [`write`] does. If that fails, the one before is written again: the new one may be there although the
/// operating system cannot promise that it stays.
///
/// # Errors
///
/// What the operating system says about the new one.
pub(crate) fn replace<T: Serialize>(path: &Path, record: &T, before: Option<&T>) -> io::Result<()> {
    write(path, record).inspect_err(|_| {
        if let Some(before) = before {
            let _ = write(path, before);
        }
    })
}

/// Gives a record another name beside it, so that it has that on the disk. Unlike [`write`] it needs no room. It blocks.
pub(crate) fn rename(path: &Path, to: &Path) -> io::Result<()> {
    fs::rename(path, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Removes a record, so that it is gone from the disk. It blocks.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed?,
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// The names in a folder are on the disk when this returns.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
