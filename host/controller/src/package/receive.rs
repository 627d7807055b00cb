//! A package arrives: from a stream into a file, and from there into a folder.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Handle;
use wasm_roles_fabric::remove_tree;

use super::{Package, PackageError, PackageLimits, UnpackError, unpack};
use crate::record::folders;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// Receives a package by way of the file `spool`, and unpacks it into `folder`, which is made. When this returns all of it is on
/// the disk. If it fails, or the future is dropped, nothing is left.
pub(crate) async fn receive(
    body: impl AsyncRead + Unpin + Send,
    spool: PathBuf,
    folder: PathBuf,
    limits: PackageLimits,
) -> Result<Package, PackageError> {
    let mut leftovers = Leftovers { spool: Some(spool.clone()), folder: None };
    store(body, &spool, limits).await?;
    leftovers.folder = Some(folder.clone());
    let unpacking = tokio::task::spawn_blocking(move || {
        let unpacked = unpack_file(&spool, &folder, limits);
        // Also when nobody waits for it any more.
        Unpacked { package: unpacked, folder }
    });
    let mut unpacked = unpacking.await.map_err(|error| PackageError::Broken(error.into()))?;
    let package = unpacked.take();
    if package.is_ok() {
        leftovers.folder = None;
    }
    package
}

async fn store(
    mut body: impl AsyncRead + Unpin,
    spool: &Path,
    limits: PackageLimits,
) -> Result<(), PackageError> {
    let disk = |error| PackageError::Disk { path: spool.to_owned(), error };
    let path = spool.to_owned();
    let opening = tokio::task::spawn_blocking(move || {
        path.parent().map_or(Ok(()), folders::make)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)
    });
    let mut file = opening.await.map_err(|error| disk(error.into()))?.map_err(disk)?;
    let mut left = limits.bytes;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            if body.read_buf(&mut piece).await.map_err(PackageError::Broken)? == 0 {
                break;
            }
        }
        if piece.is_empty() {
            return Ok(());
        }
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        left =
            left.checked_sub(length).ok_or(UnpackError::TooLarge { limit: limits.bytes, what: "bytes" })?;
        let writing = tokio::task::spawn_blocking(move || {
            std::io::Write::write_all(&mut file, &piece)?;
            Ok(file)
        });
        file = writing.await.map_err(|error| disk(error.into()))?.map_err(disk)?;
    }
}

fn unpack_file(spool: &Path, folder: &Path, limits: PackageLimits) -> Result<Package, PackageError> {
    let disk = |path: &Path, error| PackageError::Disk { path: path.to_owned(), error };
    folders::make(folder).map_err(|error| disk(folder, error))?;
    let archive = std::fs::File::open(spool).map_err(|error| disk(spool, error))?;
    let directory =
        Dir::open_ambient_dir(folder, ambient_authority()).map_err(|error| disk(folder, error))?;
    unpack::unpack(std::io::BufReader::new(archive), &directory, limits)?;
    Package::open(folder.to_owned())
}

/// What came of unpacking. If nobody takes it, its folder goes.
struct Unpacked {
    package: Result<Package, PackageError>,
    folder: PathBuf,
}

impl Unpacked {
    fn take(&mut self) -> Result<Package, PackageError> {
        std::mem::replace(&mut self.package, Err(PackageError::Missing(String::new())))
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // Dropped with a package in it: on the thread that has unpacked, for one who is gone.
        if self.package.is_ok() {
            let _ = remove_tree(&self.folder);
        }
    }
}

/// What a package that is not received leaves behind.
struct Leftovers {
    spool: Option<PathBuf>,
    folder: Option<PathBuf>,
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let (Some(spool), folder) = (self.spool.take(), self.folder.take()) else { return };
        // What cannot be removed is removed when the host starts the next time.
        let _ = std::fs::remove_file(&spool);
        let Some(folder) = folder else { return };
        // The next package comes to the same place, and a tree of many files takes long to remove: others wait for this thread.
        let gone = folder.with_file_name(format!("gone-{}", spool.file_stem().unwrap_or_default().display()));
        if std::fs::rename(&folder, &gone).is_err() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove_tree(&gone))),
            Err(_) => drop(remove_tree(&gone)),
        }
    }
}
