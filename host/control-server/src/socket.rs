//! The socket of a user: a file that only the user can reach, in a folder that is the user's alone.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

use crate::listen::ListenError;

/// A socket in the file system. Its file is removed when this is dropped, if it still is this one's.
#[derive(Debug)]
pub(crate) struct UserSocket {
    listener: UnixListener,
    _file: SocketFile,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl UserSocket {
    /// Listens at `path`. Its folder is made, with mode 0700, if it is not there. A socket that nobody serves any more is replaced.
    ///
    /// # Errors
    ///
    /// Others may enter the folder; another program serves the socket; something else is there; the operating system refuses.
    pub(crate) fn bind(path: &Path) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Socket { path: path.to_owned(), source };
        let path = std::path::absolute(path).map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        make_private(folder).map_err(failed)?;
        check_private(folder)?;
        // Two programs that begin at the same time look one after the other. The lock ends with the file.
        let lock = File::open(folder).map_err(failed)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        clear(&path)?;
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // Until now only the folder has kept others out.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        let identity = identity(&path).map_err(failed)?;
        Ok(Self { listener, _file: SocketFile { path, identity } })
    }

    /// The next connection, and whether it is the owner's.
    pub(crate) async fn next_connection(&self) -> io::Result<(UnixStream, bool)> {
        let (stream, _) = self.listener.accept().await?;
        // Of one who is gone already nothing is known.
        let owner = stream.peer_cred().is_ok_and(|peer| peer.uid() == geteuid().as_raw());
        Ok((stream, owner))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // There is nobody to tell; the next one replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

fn make_private(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        Err(error) => Err(error),
    }
}

fn check_private(folder: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Socket { path: folder.to_owned(), source };
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    let private = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o077 == 0;
    if private { Ok(()) } else { Err(ListenError::FolderNotPrivate { folder: folder.to_owned() }) }
}

/// Removes a socket that nobody serves.
fn clear(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Socket { path: path.to_owned(), source };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !found.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: path.to_owned() });
    }
    match BlockingStream::connect(path) {
        Ok(_) => Err(ListenError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    fn private(place: &tempfile::TempDir) -> PathBuf {
        let folder = place.path().join("own");
        make_private(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn the_socket_and_its_folder_are_for_the_user_alone_and_go_with_the_server() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/host.sock");
        let socket = UserSocket::bind(&path).unwrap();
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        let (client, accepted) = tokio::join!(UnixStream::connect(&path), socket.next_connection());
        assert!(client.is_ok() && accepted.unwrap().1, "the owner");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_replaced_and_one_that_is_served_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = private(&place).join("host.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = UserSocket::bind(&path).unwrap();
        assert!(matches!(UserSocket::bind(&path), Err(ListenError::InUse { .. })));
        assert!(UnixStream::connect(&path).await.is_ok(), "the first one still listens");
        drop(first);
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("own/host.sock");
        let first = UserSocket::bind(&path).unwrap();
        fs::rename(&path, place.path().join("gone")).unwrap();
        let second = UserSocket::bind(&path).unwrap();
        drop(first);
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(second);
    }

    #[tokio::test]
    async fn a_folder_that_others_may_enter_and_a_file_that_is_no_socket_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = private(&place);
        let file = folder.join("host.sock");
        fs::write(&file, "kept").unwrap();
        assert!(matches!(UserSocket::bind(&file), Err(ListenError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        fs::set_permissions(&folder, Permissions::from_mode(0o750)).unwrap();
        let open = UserSocket::bind(&folder.join("other.sock"));
        assert!(matches!(open, Err(ListenError::FolderNotPrivate { .. })), "{open:?}");
    }
}
