//! Where a certificate for development is kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::{StoredCertificate, folder, pem};
use super::NotKept;
use crate::data_folder::create_private;

/// The two files of a certificate.
pub(super) struct Place {
    folder: PathBuf,
    /// The certificate alone: what can be given to others.
    pub(super) certificate: PathBuf,
    key: PathBuf,
}

impl Place {
    pub(super) fn new(folder: &Path, stem: &str) -> Self {
        let file = |ending: &str| folder.join(format!("{stem}.{ending}"));
        Self { folder: folder.to_owned(), certificate: file("pem"), key: file("key") }
    }

    /// What is there; none when it is not all there, or cannot be read, so that it is made anew.
    pub(super) fn read(&self) -> Option<StoredCertificate> {
        let contents = |file: &Path| pem::read(&folder::text_of(file).ok()?.0).ok();
        let chain = contents(&self.certificate)?.certificates;
        let key = contents(&self.key)?.key?;
        Some(StoredCertificate { chain, key: Some(key) })
    }

    /// Writes both files. When it is interrupted the two do not belong together, and are made anew.
    pub(super) fn write(&self, made: &StoredCertificate) -> Result<(), NotKept> {
        create_private(&self.folder).map_err(|error| (self.folder.clone(), error))?;
        let key = made.key.as_ref().and_then(pem::key_section).unwrap_or_default();
        let chain: String =
            made.chain.iter().map(|certificate| pem::section("CERTIFICATE", certificate)).collect();
        replace(&self.key, &key, 0o600).map_err(|error| (self.key.clone(), error))?;
        replace(&self.certificate, &chain, 0o644).map_err(|error| (self.certificate.clone(), error))
    }
}

/// Writes a new file with these rights beside the old one, and puts it in its place: the rights hold before a byte is in it.
fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let new = file.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, file)
}
