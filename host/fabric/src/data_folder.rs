//! The folder with all that a deployment keeps on the machine: local storage, temporary folders, the folders of roles with `Contents`.
//!
//! ```text
//! <data folder>/wasm-roles.lock              held by who uses the folder
//! <data folder>/<instance id>/<store>        local storage: what is kept
//! <data folder>/wasm-roles-temp/<instance>   emptied before each incarnation
//! <data folder>/wasm-roles-approot/<role>    made anew for each deployment
//! <data folder>/wasm-roles-certificates/<role>   there as long as the deployment
//! ```
//!
//! What a run leaves there the next one finds, except in stores that a recycle empties: a new run is a recycle too.
//! Sizes are measured, not remembered.
//!
//! [`DataFolder`] takes a folder for one deployment: two that write to the same stores would each measure what the other
//! one changes. And it takes no folder in which somebody else has files: a store that is emptied might have the name of
//! one of them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::certificates;
use crate::contents;
use crate::removal::remove_tree;
use crate::storage;

/// The file that is locked. It stays, and tells that the folder is ours.
const LOCK: &str = "wasm-roles.lock";

/// A data folder that nobody else uses as long as this lives. See [the module](self).
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// The operating system releases it, however the process ends.
    _lock: File,
}

/// A folder that cannot be a data folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataFolderError {
    /// Another deployment has it, in this process or another one.
    #[error("the data folder {} is in use by another running service", .0.display())]
    InUse(PathBuf),
    /// Somebody else's files are in it.
    #[error("the folder {} cannot be the data folder: it has files of somebody else in it", .0.display())]
    NotOurs(PathBuf),
    /// The operating system refuses it.
    #[error("the data folder {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
}

impl DataFolderError {
    /// What the user can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::InUse(_) => "stop that service first, or name another folder: each service has its own",
            Self::NotOurs(_) => "name an empty folder, or one that is not there yet: it is made",
            Self::Unusable { .. } => "name a folder in which you can make files",
        }
    }
}

impl DataFolder {
    /// Takes the folder at `path`. If it is not there it is made, for the user alone. It blocks.
    ///
    /// # Errors
    ///
    /// See [`DataFolderError`].
    pub fn take(path: &Path) -> Result<Self, DataFolderError> {
        let named = || path.to_owned();
        let unusable =
            |error: io::Error| DataFolderError::Unusable { path: named(), reason: error.to_string() };
        let folder = std::path::absolute(path).map_err(unusable)?;
        create_private(&folder).map_err(unusable)?;
        let file = folder.join(LOCK);
        let has_files = fs::read_dir(&folder).map_err(unusable)?.next().is_some();
        if has_files && !file.try_exists().map_err(unusable)? {
            return Err(DataFolderError::NotOurs(named()));
        }
        let lock = File::options().create(true).append(true).open(&file).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse(named())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// The folder, as an absolute path: [`DeploymentOptions::data_folder`](crate::DeploymentOptions::data_folder).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder back and removes what is of no use to a later run. No deployment may use it any more. It blocks.
    ///
    /// # Errors
    ///
    /// What the operating system says about the first thing that cannot be removed.
    pub fn give_back(self) -> io::Result<()> {
        certificates::remove_leftovers(&self.path)?;
        remove_tree(&self.path.join(contents::FOLDER))?;
        remove_tree(&self.path.join(storage::TEMPORARY))
    }
}

/// Makes a folder with those above it, where they are missing, for the user alone.
#[cfg(unix)]
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder with those above it, where they are missing.
#[cfg(not(unix))]
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_made_for_the_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::take(&parent.path().join("a/b")).unwrap();
        assert_eq!(folder.path(), parent.path().join("a/b"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn nobody_else_can_take_it_until_it_is_given_back() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataFolder::take(parent.path()).unwrap();
        let again = DataFolder::take(parent.path()).unwrap_err();
        assert_eq!(again, DataFolderError::InUse(parent.path().to_owned()));
        drop(first);
        DataFolder::take(parent.path()).unwrap();
    }

    #[test]
    fn a_folder_with_files_of_somebody_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.txt"), "years of work").unwrap();
        let refused = DataFolder::take(parent.path()).unwrap_err();
        assert_eq!(refused, DataFolderError::NotOurs(parent.path().to_owned()));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_folder_is_refused_with_the_reason() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let refused = DataFolder::take(&path).unwrap_err();
            assert!(matches!(refused, DataFolderError::Unusable { .. }), "{refused}");
        }
    }

    #[test]
    fn local_storage_is_kept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::take(parent.path()).unwrap();
        let file = |name: &str| parent.path().join(name);
        for name in ["W_IN_0/Kept/f", "wasm-roles-temp/W_IN_0/f", "wasm-roles-approot/W/f"] {
            fs::create_dir_all(file(name).parent().unwrap()).unwrap();
            fs::write(file(name), "").unwrap();
        }
        folder.give_back().unwrap();
        assert!(file("W_IN_0/Kept/f").exists());
        assert!(!file(storage::TEMPORARY).exists() && !file(contents::FOLDER).exists());
        DataFolder::take(parent.path()).unwrap();
    }
}
