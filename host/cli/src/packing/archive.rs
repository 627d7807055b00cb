//! The bytes of a package, made while they are sent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tar::{Builder, EntryType, Header};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use wasm_roles_control_interface::package::MANIFEST;

use super::{Entry, Package};

/// Bytes that are handed on at a time.
const PIECE: usize = 256 * 1024;
/// Pieces that can wait to be sent.
const PIECES: usize = 4;

impl Package {
    /// The package for a client. Files are read on a thread of their own, as fast as they are sent.
    pub fn into_stream(self) -> wasm_roles_control_interface::Package {
        wasm_roles_control_interface::Package::new(stream(self))
    }

    /// Writes the package: the manifest, then everything else in the order of names. Errors say which file it was.
    pub(super) fn write(&self, out: impl Write) -> io::Result<()> {
        let mut tar = Builder::new(out);
        let mut manifest = serde_json::to_vec_pretty(&self.manifest)?;
        manifest.push(b'\n');
        let length = u64::try_from(manifest.len()).map_err(io::Error::other)?;
        append(&mut tar, MANIFEST, EntryType::Regular, length, manifest.as_slice())?;
        for (name, entry) in &self.contents.entries {
            match entry {
                Entry::Folder => append(&mut tar, &format!("{name}/"), EntryType::Directory, 0, io::empty())?,
                Entry::File(path) => append_file(&mut tar, name, path)?,
            }
        }
        tar.finish()
    }
}

pub(super) fn stream(package: Package) -> impl AsyncRead + Send {
    let (sender, pieces) = mpsc::channel(PIECES);
    // Ends when the client does not read any more: then its next piece cannot be handed on.
    tokio::task::spawn_blocking(move || {
        let mut out = Sending { sender, piece: Vec::new() };
        let written = package.write(&mut out);
        if let Err(error) = written.and_then(|()| out.flush()) {
            // Nobody reads any more if this fails.
            let _ = out.sender.blocking_send(Err(error));
        }
    });
    Pieces { pieces, piece: Vec::new(), given: 0 }
}

fn append_file(tar: &mut Builder<impl Write>, name: &str, path: &Path) -> io::Result<()> {
    let unreadable = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(unreadable(io::Error::other("it is no file any more")));
    }
    let source = Whole::of(path, about.len()).map_err(unreadable)?;
    append(tar, name, EntryType::Regular, about.len(), source).map_err(unreadable)
}

fn append(
    tar: &mut Builder<impl Write>,
    name: &str,
    kind: EntryType,
    length: u64,
    source: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(length);
    // Not those of the file: the same files shall give the same package.
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_mtime(0);
    tar.append_data(&mut header, name, source)
}

/// A file that gives as many bytes as were promised, or an error: with fewer or more the package would be damaged.
pub(super) struct Whole {
    file: File,
    left: u64,
}

impl Whole {
    pub(super) fn of(path: &Path, length: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, left: length })
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.file.read(buffer)?;
        if read == 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

/// Hands on what is written to it.
struct Sending {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// Gives out what is handed on.
struct Pieces {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// How many bytes of the piece were given out.
    given: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.given >= self.piece.len() {
            match ready!(self.pieces.poll_recv(context)) {
                None => return Poll::Ready(Ok(())),
                Some(piece) => {
                    self.piece = piece?;
                    self.given = 0;
                }
            }
        }
        let left = self.piece.get(self.given..).unwrap_or_default();
        let length = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..length).unwrap_or_default());
        self.given = self.given.saturating_add(length);
        Poll::Ready(Ok(()))
    }
}
