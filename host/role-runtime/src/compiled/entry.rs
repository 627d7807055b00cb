//! One compiled component: a file whose name says what it was made from, and what it holds.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// What a component is known by: the SHA-256 of its bytes. As text: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(ring::digest::digest(&SHA256, bytes))
    }
}

impl From<ring::digest::Digest> for Digest {
    fn from(digest: ring::digest::Digest) -> Self {
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Why an entry cannot be used.
#[derive(Debug)]
pub(super) enum Damage {
    Unreadable(io::Error),
    Changed,
}

/// A file of compiled code.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
    /// What the name says of the content.
    content: String,
}

/// How much is read at once.
const PIECE: usize = 1 << 20;

impl Entry {
    /// The compiled form of a component, if there is one in the folder.
    pub(super) fn find(folder: &Path, component: &Digest) -> Option<Self> {
        let prefix = format!("{component}-");
        let mut entries = fs::read_dir(folder).ok()?.flatten();
        entries.find_map(|entry| {
            let content = entry.file_name().to_str()?.strip_prefix(&prefix)?.to_owned();
            Some(Self { path: entry.path(), content })
        })
    }

    /// Puts the compiled form of a component into the folder, at once and whole.
    pub(super) fn write(folder: &Path, component: &Digest, compiled: &[u8]) -> io::Result<Self> {
        let content = Digest::of(compiled).to_string();
        let path = folder.join(format!("{component}-{content}"));
        let mut unnamed = tempfile::Builder::new();
        unnamed.prefix("unfinished-");
        // Who may read it is the folder's matter: those who run an image may be others than those who made it.
        #[cfg(unix)]
        unnamed.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut unnamed = unnamed.tempfile_in(folder)?;
        io::Write::write_all(&mut unnamed, compiled)?;
        unnamed.persist(&path)?;
        Ok(Self { path, content })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all of it and compares it with what its name says.
    pub(super) fn verify(&self) -> Result<(), Damage> {
        let mut file = File::open(&self.path).map_err(Damage::Unreadable)?;
        let (mut digest, mut piece) = (Context::new(&SHA256), vec![0; PIECE]);
        loop {
            let length = file.read(&mut piece).map_err(Damage::Unreadable)?;
            match piece.get(..length) {
                None | Some([]) => break,
                Some(read) => digest.update(read),
            }
        }
        let same = Digest::from(digest.finish()).to_string() == self.content;
        if same { Ok(()) } else { Err(Damage::Changed) }
    }

    /// Notes that it was used now, by the time of the file system. Where that is not allowed, it counts from when it was written.
    pub(super) fn used(&self) {
        use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
        let at = |nanoseconds| Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        let now = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
        if let Ok(file) = File::open(&self.path) {
            let _ = futimens(file, &now);
        }
    }

    /// Removes it, so that another can take its place. Whoever has it mapped keeps it.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
