//! The folders in which roles find their certificates.
//!
//! Each role that sees any has a folder of its own, `<data folder>/wasm-roles-certificates/<edition>/<role>`, which belongs to
//! the user alone. It holds copies, so that a role can see neither the other files of the user's folder nor what they are
//! called. An edition is there as long as anybody uses it: when certificates [change](crate::change), those who were not
//! recycled yet have the one before.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasm_roles_role_runtime::Preopen;
use wasm_roles_service_plan::RoleName;

use super::demand::{Demand, Seen};
use super::{GUEST_CERTIFICATES, pem};
use crate::data_folder::create_private;
use crate::removal::remove_tree;

/// Below the data folder. No instance is called so.
pub(crate) const FOLDER: &str = "wasm-roles-certificates";

/// Tells the copies of one change apart from those of others. The first of a deployment is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edition(u32);

impl Edition {
    /// The one after this.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The folders, until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Of all editions.
    top: PathBuf,
    /// Of this one.
    folder: PathBuf,
    roles: Vec<RoleName>,
}

impl Shown {
    /// Makes the folders of an edition that nobody uses. It blocks, for a few small files.
    ///
    /// # Errors
    ///
    /// The file and what the operating system says about it.
    pub(crate) fn new(
        data_folder: &Path,
        Edition(edition): Edition,
        demand: &Demand<'_>,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let top = data_folder.join(FOLDER);
        let mut shown = Self { folder: top.join(edition.to_string()), top, roles: Vec::new() };
        if edition == 0 {
            // What a process that was killed has left, if it had the same data folder; nobody finds a temporary one again.
            remove_leftovers(data_folder).map_err(|error| (shown.top.clone(), error))?;
        }
        for (role, seen) in &demand.seen {
            let folder = shown.folder.join(role.as_str());
            create_private(&folder).map_err(|error| (folder.clone(), error))?;
            shown.roles.push((*role).clone());
            for seen in seen {
                show(&folder, seen)?;
            }
        }
        Ok(shown)
    }

    /// What the instances of a role see.
    pub(crate) fn preopen(&self, role: &RoleName) -> Option<Preopen> {
        self.roles.contains(role).then(|| Preopen {
            guest_path: GUEST_CERTIFICATES.to_owned(),
            directory: self.folder.join(role.as_str()),
            writable: false,
            quota_bytes: None,
        })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if !self.roles.is_empty() {
            // A failure leaves a folder that only the user can read. The next deployment removes it if it has the same data
            // folder; in a temporary one it stays until the system empties that. That of all editions goes with the last one.
            let _ = remove_tree(&self.folder);
            let _ = fs::remove_dir(&self.top);
        }
    }
}

fn show(folder: &Path, seen: &Seen<'_>) -> Result<(), (PathBuf, io::Error)> {
    let chain: String =
        seen.certificate.chain.iter().map(|certificate| pem::section("CERTIFICATE", certificate)).collect();
    create(folder.join(format!("{}.pem", seen.name)), &chain)?;
    let key = seen.certificate.key.as_ref().filter(|_| seen.with_key);
    match key.and_then(pem::key_section) {
        Some(key) => create(folder.join(format!("{}.key", seen.name)), &key),
        None => Ok(()),
    }
}

/// Makes a file for the user alone.
fn create(file: PathBuf, text: &str) -> Result<(), (PathBuf, io::Error)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o400);
    }
    let written = options.open(&file).and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|error| (file, error))
}

/// Removes what a run that was killed has left. It blocks.
pub(crate) fn remove_leftovers(data_folder: &Path) -> io::Result<()> {
    remove_tree(&data_folder.join(FOLDER))
}
