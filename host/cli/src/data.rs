//! Where a run keeps local storage: in a folder that the user names, or in one of its own for as long as it lasts.

use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;
use wasm_roles_fabric::{DataFolder, remove_tree};

use crate::arguments::RunArguments;
use crate::failure::Failure;

/// The data folder of one run. Dropped before [`end`](Self::end), a folder of the run's own is removed.
pub struct Data {
    folder: DataFolder,
    /// None: the user has named the folder.
    own: Option<TempDir>,
    keep: bool,
}

impl Data {
    /// Takes the folder that the arguments ask for, for the service of this name.
    pub fn of(arguments: &RunArguments, service: &str) -> Result<Self> {
        let (path, own) = match &arguments.data_dir {
            Some(path) => (path.clone(), None),
            None => {
                let own = temporary()?;
                (own.path().to_owned(), Some(own))
            }
        };
        let folder = DataFolder::take(&path, service).map_err(Failure::from)?;
        Ok(Self { folder, own, keep: arguments.keep_data })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, if it is there after the run.
    pub fn kept(&self) -> Option<&Path> {
        (self.own.is_none() || self.keep).then(|| self.path())
    }

    /// Removes what nobody needs any more. No guest may run. It blocks, as long as guests have left much.
    ///
    /// A failure leaves files behind, which is no reason for the run to fail; it says what the operating system does.
    pub fn end(self) -> io::Result<()> {
        let Self { folder, own, keep } = self;
        match own.map(TempDir::keep).filter(|_| !keep) {
            // What guests have nested deeply must not be removed by recursion.
            Some(own) => remove_tree(&own),
            None => folder.give_back(),
        }
    }

    /// Removes nothing, since somebody may still use it.
    pub fn leave(self) {
        let _ = self.own.map(TempDir::keep);
    }
}

/// A folder for the user alone.
pub fn temporary() -> Result<TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("wasm-roles-");
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    folder.tempdir().context("no folder for local storage")
}
