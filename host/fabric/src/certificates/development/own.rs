//! Folders and files that are the user's own.
//!
//! A key that somebody else has put there is no secret, and one that others can read is none any more. So on Unix keys are kept
//! only in folders that others cannot change, and a key that others can read is not used. No link is followed, since where
//! it leads is not for this folder to say.

use std::fs::File;
use std::io;
use std::path::Path;

/// Whether keys can be kept in a folder that is there.
///
/// # Errors
///
/// What the operating system says; [`io::ErrorKind::PermissionDenied`] with the reason if the folder is not the user's alone.
#[cfg(unix)]
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(folder)?;
    match flaw(found.is_dir(), is_mine(&found), found.mode()) {
        None => Ok(()),
        Some(flaw) => {
            let words = format!("{flaw}: no key is kept in it; remove it, and it is made for you alone");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, words))
        }
    }
}

/// Whether keys can be kept in a folder that is there: the rights of the folder above say so.
#[cfg(not(unix))]
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Why a folder is not the user's alone.
#[cfg(unix)]
const fn flaw(is_folder: bool, is_mine: bool, mode: u32) -> Option<&'static str> {
    if !is_folder {
        Some("it is a link or a file, not a folder")
    } else if !is_mine {
        Some("it belongs to another user")
    } else if mode & 0o022 != 0 {
        Some("other users can write to it")
    } else {
        None
    }
}

#[cfg(unix)]
fn is_mine(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(found) == rustix::process::geteuid().as_raw()
}

/// Opens a file, and nothing else than a file.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let opened = open_without_link(path)?;
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(unix)]
fn open_without_link(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    // A pipe without a writer does not keep anybody waiting.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open_without_link(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The same for a file with a key: the user's own, which nobody else can read or write.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let opened = open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let found = opened.metadata()?;
        if !is_mine(&found) || found.mode() & 0o077 != 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    Ok(opened)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_users_alone_or_says_why_not() {
        for (is_folder, is_mine, mode, why) in [
            (true, true, 0o40_700, None),
            (true, true, 0o40_755, None),
            (true, true, 0o40_770, Some("other users can write to it")),
            (true, true, 0o40_702, Some("other users can write to it")),
            (true, true, 0o41_777, Some("other users can write to it")),
            (true, false, 0o40_700, Some("it belongs to another user")),
            (false, true, 0o120_700, Some("it is a link or a file, not a folder")),
        ] {
            assert_eq!(flaw(is_folder, is_mine, mode), why, "{mode:o}");
        }
    }
}
