//! What is in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, text};
use crate::failure::Failure;

/// What to do with links and special files. The later one is the stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Links {
    /// They are not packed: a role could not follow them either.
    LeaveOut,
    /// They are an error: the host would refuse them.
    Refuse,
}

/// What was found, by its name seen from the folder.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: BTreeMap<String, Entry>,
    pub left_out: BTreeMap<String, PathBuf>,
}

/// Everything in `folder` and below. A link to a file in it is that file.
pub fn everything(folder: &Path, links: Links) -> Result<Found, Failure> {
    let root = canonical(folder)?;
    let mut found = Found::default();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in listed(&folder)? {
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            let name = text(path.strip_prefix(&root).unwrap_or(&path))?;
            if kind.is_dir() {
                found.entries.insert(name, Entry::Folder);
                folders.push(path);
            } else if kind.is_file() || (kind.is_symlink() && leads_to_file(&path, &root)) {
                found.entries.insert(name, Entry::File(path));
            } else if links == Links::LeaveOut {
                found.left_out.insert(name, path);
            } else {
                return Err(Failure::with_hint(
                    format!(
                        "{} is a link that leads out of its folder or to a folder, or no file",
                        path.display()
                    ),
                    "put the files themselves there",
                ));
            }
        }
    }
    Ok(found)
}

/// Whether a link leads to a file below `root`.
fn leads_to_file(link: &Path, root: &Path) -> bool {
    fs::canonicalize(link).is_ok_and(|target| target.starts_with(root) && target.is_file())
}

/// The files of a folder itself, in the order of their names; links to files count.
pub fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let paths = listed(&canonical(folder)?)?.into_iter().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn listed(folder: &Path) -> Result<Vec<fs::DirEntry>, Failure> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    listed.map_err(|error| unreadable(folder, &error))
}

/// The folder by a path without links.
pub fn canonical(folder: &Path) -> Result<PathBuf, Failure> {
    // The folder of `Service.csdef` is the empty path, which no system call understands.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = fs::canonicalize(folder).and_then(|found| match found.is_dir() {
        true => Ok(found),
        false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
    });
    found.map_err(|error| unreadable(folder, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::with_hint(
        format!("{} cannot be packed: {error}", path.display()),
        "check that it is there and that you may read it",
    )
}
