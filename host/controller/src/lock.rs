//! The data folder of a host belongs to one host at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::record::folders::{self, LOCK, TENANTS};

/// Held as long as the host runs. The operating system releases it, however the process ends.
#[derive(Debug)]
pub(crate) struct HostLock {
    _file: File,
}

/// A folder that cannot be the data folder of a host.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another host has it.
    #[error("the data folder {} is in use by another host", .0.display())]
    InUse(PathBuf),
    /// Somebody else's files are in it.
    #[error("the folder {} cannot be the data folder: it has files of somebody else in it", .0.display())]
    NotOurs(PathBuf),
    /// The operating system refuses it.
    #[error("the data folder {} cannot be used: {error}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl DataDirError {
    /// What the user can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::InUse(_) => "talk to that host, stop it, or name another folder",
            Self::NotOurs(_) => "name an empty folder, or one that is not there yet: it is made",
            Self::Unusable { .. } => "name a folder in which you can make files",
        }
    }
}

impl HostLock {
    /// Takes a folder; it is made if it is not there. It blocks.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |error| DataDirError::Unusable { path: path.to_owned(), error };
        folders::make(path).map_err(unusable)?;
        let lock = path.join(LOCK);
        let mut entries = fs::read_dir(path).map_err(unusable)?;
        if entries.next().is_some() && !lock.try_exists().map_err(unusable)? {
            return Err(DataDirError::NotOurs(path.to_owned()));
        }
        let file = File::options().create(true).read(true).append(true).open(&lock).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        folders::make(&path.join(TENANTS)).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hosts_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let first = HostLock::take(&data).unwrap();
        assert!(matches!(HostLock::take(&data), Err(DataDirError::InUse(path)) if path == data));
        drop(first);
        HostLock::take(&data).unwrap();
    }

    #[test]
    fn a_folder_with_files_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
        assert!(matches!(HostLock::take(folder.path()), Err(DataDirError::NotOurs(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
