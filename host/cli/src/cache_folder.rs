//! Where compiled components are kept when the user names no folder: the user's own cache.
//!
//! Whoever can write there decides what code runs. So the folder is made for the user alone, and never in a folder that
//! all users share.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The folder, ready for use; none when the system names none or it cannot be made.
pub fn of_user() -> Option<PathBuf> {
    let folder = base()?.join("wasm-roles");
    create_private(&folder).ok()?;
    Some(folder)
}

fn base() -> Option<PathBuf> {
    let named = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return named("LOCALAPPDATA");
    }
    named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}
