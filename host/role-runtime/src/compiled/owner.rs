//! Whose a folder is.

use std::io;
use std::path::Path;

/// Who besides the owner may write to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writable {
    /// Nobody.
    ByOwner,
    /// The owner's group: people whose files are so by default have one that is theirs alone.
    ByGroup,
}

/// Makes a folder, and those above it, that only this user can write to.
#[cfg(unix)]
pub(super) fn create(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)
}

#[cfg(not(unix))]
pub(super) fn create(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// A folder that is there has to be this user's or the administrator's, and nobody else may write to it.
#[cfg(unix)]
pub(super) fn check(folder: &Path, writable: Writable) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS: u32 = 0o002;
    const GROUP_AND_OTHERS: u32 = 0o022;
    const ADMINISTRATOR: u32 = 0;
    // What cannot be seen cannot be used either; the next step says why.
    let Ok(found) = std::fs::metadata(folder) else { return Ok(()) };
    let folder = folder.display();
    if found.uid() != ADMINISTRATOR && found.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("{folder} belongs to another user"));
    }
    let forbidden = if writable == Writable::ByGroup { OTHERS } else { GROUP_AND_OTHERS };
    if found.mode() & forbidden != 0 {
        return Err(format!("other users can write to {folder}"));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check(_: &Path, _: Writable) -> Result<(), String> {
    Ok(())
}
