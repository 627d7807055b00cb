//! The folder with all that a deployment keeps on the machine: local storage, temporary folders, the folders of roles with `Contents`.
//!
//! ```text
//! <data folder>/wasm-roles.lock              held by who uses the folder; the name of the service is in it
//! <data folder>/<instance id>/<store>        local storage: what is kept
//! <data folder>/wasm-roles-temp/<instance>   emptied before each incarnation
//! <data folder>/wasm-roles-approot/<role>    made anew for each deployment
//! <data folder>/wasm-roles-certificates/<edition>/<role>   there as long as an instance uses it
//! <data folder>/wasm-roles-development/<role>/<certificate>.pem and .key   those of `--dev-certificates`: what is kept
//! ```
//!
//! What a run leaves there the next one finds, except in stores that a recycle empties: a new run is a recycle too.
//! Sizes are measured, not remembered.
//!
//! [`DataFolder`] takes a folder for one deployment: two that write to the same stores would each measure what the other
//! one changes. And it takes no folder in which somebody else has files: a store that is emptied might have the name of
//! one of them. For the same reason a folder belongs to one service, by its name, from its first use.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::certificates;
use crate::contents;
use crate::removal::remove_tree;
use crate::storage;

/// The file that is locked. It stays, and tells that the folder is ours.
const LOCK: &str = "wasm-roles.lock";
/// What is read of it, in bytes; names of services are shorter.
const LONGEST_NAME: u64 = 4096;

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
    /// Another service keeps its files in it.
    #[error("the data folder {} belongs to service {}, and this is service {service}", path.display(), owner.escape_debug())]
    OfAnother {
        /// The folder.
        path: PathBuf,
        /// Whose it is, as its lock file says.
        owner: String,
        /// Who wants it.
        service: String,
    },
    /// Not a folder.
    #[error("{} cannot be the data folder: it is a file, not a folder", .0.display())]
    NoFolder(PathBuf),
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
            Self::OfAnother { .. } => {
                "name another folder: each service has its own; if the service has a new name, empty wasm-roles.lock in it"
            }
            Self::NotOurs(_) | Self::NoFolder(_) => {
                "name an empty folder, or one that is not there yet: it is made"
            }
            Self::Unusable { .. } => "name a folder in which you can make files",
        }
    }
}

impl DataFolder {
    /// Takes the folder at `path` for the service of this name. If it is not there it is made, for the user alone. If it
    /// has no owner yet, it is this service's from now on. It blocks.
    ///
    /// # Errors
    ///
    /// See [`DataFolderError`].
    pub fn take(path: &Path, service: &str) -> Result<Self, DataFolderError> {
        let named = || path.to_owned();
        let unusable =
            |error: io::Error| DataFolderError::Unusable { path: named(), reason: error.to_string() };
        let folder = std::path::absolute(path).map_err(unusable)?;
        if let Some(file) = file_on_the_way(path) {
            return Err(DataFolderError::NoFolder(file.to_owned()));
        }
        create_private(&folder).map_err(unusable)?;
        let file = folder.join(LOCK);
        let has_files = fs::read_dir(&folder).map_err(unusable)?.next().is_some();
        if has_files && !file.try_exists().map_err(unusable)? {
            return Err(DataFolderError::NotOurs(named()));
        }
        let lock = File::options().create(true).read(true).append(true).open(&file).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataFolderError::InUse(named())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        match owner(&lock).map_err(unusable)? {
            Some(owner) if owner != service => {
                Err(DataFolderError::OfAnother { path: named(), owner, service: service.to_owned() })
            }
            Some(_) => Ok(Self { path: folder, _lock: lock }),
            None => {
                // In one write, so that no half of a name stays.
                (&lock).write_all(format!("{service}\n").as_bytes()).map_err(unusable)?;
                Ok(Self { path: folder, _lock: lock })
            }
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

/// Whose folder it is; none when nobody has said so yet.
fn owner(lock: &File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    lock.take(LONGEST_NAME).read_to_end(&mut bytes)?;
    let name = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// The file, if there is one where there would have to be a folder: at `path` or above it.
fn file_on_the_way(path: &Path) -> Option<&Path> {
    let there = path.ancestors().find(|path| path.exists())?;
    (!there.is_dir()).then_some(there)
}

/// Makes a folder with those above it, where they are missing, for the user alone. One that is there stays as it is, whoever
/// it belongs to.
#[cfg(unix)]
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder with those above it, where they are missing. One that is there stays as it is.
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
        let folder = DataFolder::take(&parent.path().join("a/b"), "Shop").unwrap();
        assert_eq!(folder.path(), parent.path().join("a/b"), "Shop");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn nobody_else_can_take_it_until_it_is_given_back() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataFolder::take(parent.path(), "Shop").unwrap();
        let again = DataFolder::take(parent.path(), "Shop").unwrap_err();
        assert_eq!(again, DataFolderError::InUse(parent.path().to_owned()));
        drop(first);
        DataFolder::take(parent.path(), "Shop").unwrap();
    }

    #[test]
    fn it_belongs_to_the_service_that_took_it_first() {
        let parent = tempfile::tempdir().unwrap();
        let take = |service| DataFolder::take(parent.path(), service).map(drop);
        take("Shop").unwrap();
        take("Shop").unwrap();
        let of_another = |owner: &str, service: &str| DataFolderError::OfAnother {
            path: parent.path().to_owned(),
            owner: owner.to_owned(),
            service: service.to_owned(),
        };
        assert_eq!(take("Bank"), Err(of_another("Shop", "Bank")));
        // It was not renamed by the one who was refused.
        take("Shop").unwrap();
    }

    #[test]
    fn a_folder_without_an_owner_gets_one() {
        let parent = tempfile::tempdir().unwrap();
        for nobody in ["", "\n"] {
            fs::write(parent.path().join(LOCK), nobody).unwrap();
            DataFolder::take(parent.path(), "Shop").unwrap();
            assert_eq!(fs::read_to_string(parent.path().join(LOCK)).unwrap().trim(), "Shop");
        }
    }

    #[test]
    fn a_hostile_owner_is_cut_and_shown_without_control_characters() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join(LOCK), format!("\u{1b}[2J{}", "x".repeat(100_000))).unwrap();
        let refused = DataFolder::take(parent.path(), "Shop").unwrap_err().to_string();
        assert!(refused.len() < 5000 && !refused.contains('\u{1b}'), "{refused}");
    }

    #[test]
    fn a_folder_with_files_of_somebody_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.txt"), "years of work").unwrap();
        let refused = DataFolder::take(parent.path(), "Shop").unwrap_err();
        assert_eq!(refused, DataFolderError::NotOurs(parent.path().to_owned()));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_no_folder_and_has_none_below_it() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below"), file.join("far/below")] {
            let refused = DataFolder::take(&path, "Shop").unwrap_err();
            assert_eq!(refused, DataFolderError::NoFolder(file.clone()));
        }
        assert!(file.is_file());
    }

    #[test]
    fn local_storage_is_kept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::take(parent.path(), "Shop").unwrap();
        let file = |name: &str| parent.path().join(name);
        for name in ["W_IN_0/Kept/f", "wasm-roles-temp/W_IN_0/f", "wasm-roles-approot/W/f"] {
            fs::create_dir_all(file(name).parent().unwrap()).unwrap();
            fs::write(file(name), "").unwrap();
        }
        folder.give_back().unwrap();
        assert!(file("W_IN_0/Kept/f").exists());
        assert!(!file(storage::TEMPORARY).exists() && !file(contents::FOLDER).exists());
        DataFolder::take(parent.path(), "Shop").unwrap();
    }
}
