//! A folder with certificates.
//!
//! Read are the files with the endings [`ENDINGS`]. Files of the same stem, such as `site.crt` and `site.key`, belong
//! together: one has the certificate with its chain, the other its private key. One file with both is as good. The first
//! certificate is the one that counts; those after it are its chain. Every other file is left alone.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use wasm_roles_service_plan::Thumbprint;

use super::StoredCertificate;
use super::pem::{self, Contents};
use super::thumbprint::thumbprint;

/// Endings of files that are read.
pub const ENDINGS: [&str; 4] = ["pem", "crt", "cer", "key"];
/// Endings of files in another form, which are named when a certificate is missing.
const OTHER_FORMS: [&str; 2] = ["pfx", "p12"];
/// Chains have a few thousand bytes. Whoever names a folder with something else shall not wait for it.
const LARGEST_FILE: u64 = 1 << 20;

/// The certificates of a folder, by thumbprint.
#[derive(Debug, Default)]
pub struct CertificateFolder {
    folder: PathBuf,
    certificates: BTreeMap<Thumbprint, StoredCertificate>,
    other_forms: Vec<PathBuf>,
    warnings: Vec<FolderWarning>,
}

/// A folder with certificates cannot be used: everything that is wrong with it, at least one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct FolderError(Vec<FileError>);

impl FolderError {
    /// What is wrong.
    #[must_use]
    pub fn errors(&self) -> &[FileError] {
        &self.0
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.0.iter().map(FileError::to_string).collect();
        f.write_str(&errors.join("\n"))
    }
}

impl std::error::Error for FolderError {}

/// A file of the folder, or the folder itself, cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub reason: FileReason,
}

impl FileError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let file = self.file.display();
        match &self.reason {
            FileReason::Unreadable(_) | FileReason::TooLarge => {
                "`--certificates` names a folder with PEM files and nothing else with their endings"
                    .to_owned()
            }
            FileReason::NothingInIt | FileReason::Malformed(_) => format!(
                "a binary certificate becomes text with `openssl x509 -inform der -in {file} -out NAME.pem`"
            ),
            FileReason::EncryptedKey => {
                format!("take the password away, for example with `openssl pkey -in {file} -out NAME.key`")
            }
            FileReason::SeveralKeys => {
                "put each private key beside its certificate, in files of the same stem".to_owned()
            }
            FileReason::KeyWithoutCertificate => {
                "call the key like its certificate, as in site.crt and site.key".to_owned()
            }
        }
    }
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileReason {
    /// The operating system does not let it be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is larger than any chain of certificates.
    #[error("it has more than {} KiB", LARGEST_FILE / 1024)]
    TooLarge,
    /// It has neither a certificate nor a private key in PEM form.
    #[error("it has neither a certificate nor a private key in PEM form")]
    NothingInIt,
    /// It begins like a PEM file, but is none.
    #[error("it is no PEM file: {0}")]
    Malformed(String),
    /// Its private key needs a password.
    #[error("its private key is encrypted")]
    EncryptedKey,
    /// It has several private keys, or so have the files of its stem.
    #[error("there is more than one private key of this stem")]
    SeveralKeys,
    /// No file of the same stem has the certificate.
    #[error("its private key has no certificate")]
    KeyWithoutCertificate,
}

/// Something about the folder that should be different.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FolderWarning {
    /// Others can read a private key.
    #[error("{}: its private key can be read by other users of this machine; `chmod go= {}` ends that", .0.display(), .0.display())]
    KeyIsOpen(PathBuf),
}

/// The files of one stem.
#[derive(Default)]
struct Stem {
    files: Vec<PathBuf>,
    contents: Contents,
    /// Something about it was reported already.
    is_spoilt: bool,
}

impl CertificateFolder {
    /// Reads a folder. It blocks.
    ///
    /// # Errors
    ///
    /// Every file that cannot be used.
    pub fn read(folder: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let mut read = Self { folder: folder.into(), ..Self::default() };
        let files = match files(&read.folder) {
            Ok(files) => files,
            Err(error) => return Err(FolderError(vec![unreadable(&read.folder, &error)])),
        };
        let (mut stems, mut errors) = (BTreeMap::<PathBuf, Stem>::new(), Vec::new());
        for file in files {
            match ending(&file) {
                Some(ending) if ENDINGS.contains(&ending.as_str()) => {
                    let stem = stems.entry(file.with_extension("")).or_default();
                    if let Err(error) = read.add(file, stem) {
                        stem.is_spoilt = true;
                        errors.push(error);
                    }
                }
                Some(ending) if OTHER_FORMS.contains(&ending.as_str()) => read.other_forms.push(file),
                _ => {}
            }
        }
        for stem in stems.into_values().filter(|stem| !stem.is_spoilt) {
            errors.extend(read.keep(stem));
        }
        if errors.is_empty() { Ok(read) } else { Err(FolderError(errors)) }
    }

    /// Adds a file to those of its stem.
    fn add(&mut self, file: PathBuf, stem: &mut Stem) -> Result<(), FileError> {
        let refuse = |reason| FileError { file: file.clone(), reason };
        let (text, is_open) = read(&file).map_err(refuse)?;
        let Contents { certificates, key } = pem::read(&text).map_err(refuse)?;
        if key.is_some() && is_open {
            self.warnings.push(FolderWarning::KeyIsOpen(file.clone()));
        }
        if key.is_some() && stem.contents.key.is_some() {
            return Err(refuse(FileReason::SeveralKeys));
        }
        stem.contents.certificates.extend(certificates);
        stem.contents.key = stem.contents.key.take().or(key);
        stem.files.push(file);
        Ok(())
    }

    /// Keeps what the files of a stem have together. Of a certificate that is there twice, the one with a key stays.
    fn keep(&mut self, stem: Stem) -> Option<FileError> {
        let Contents { certificates, key } = stem.contents;
        let Some(thumbprint) = certificates.first().and_then(thumbprint) else {
            let file = stem.files.into_iter().next()?;
            return Some(FileError { file, reason: FileReason::KeyWithoutCertificate });
        };
        if key.is_some() || !self.certificates.contains_key(&thumbprint) {
            self.certificates.insert(thumbprint, StoredCertificate { chain: certificates, key });
        }
        None
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The certificate with this thumbprint.
    #[must_use]
    pub fn find(&self, thumbprint: &Thumbprint) -> Option<&StoredCertificate> {
        self.certificates.get(thumbprint)
    }

    /// Files that may have a certificate in a form that is not read, such as `site.pfx`.
    #[must_use]
    pub fn other_forms(&self) -> &[PathBuf] {
        &self.other_forms
    }

    /// What should be different.
    #[must_use]
    pub fn warnings(&self) -> &[FolderWarning] {
        &self.warnings
    }
}

/// The files of a folder in the order of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn ending(file: &Path) -> Option<String> {
    file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase())
}

/// What is in a file, and whether other users of the machine can read it.
fn read(file: &Path) -> Result<(Vec<u8>, bool), FileReason> {
    let unreadable = |error: io::Error| FileReason::Unreadable(error.to_string());
    let opened = File::open(file).map_err(unreadable)?;
    let is_open = is_open_to_others(&opened.metadata().map_err(unreadable)?);
    Ok((text_of(opened)?, is_open))
}

/// What is in a file that is open, unless that is too much.
pub(super) fn text_of(opened: File) -> Result<Vec<u8>, FileReason> {
    let mut text = Vec::new();
    let read = opened.take(LARGEST_FILE.saturating_add(1)).read_to_end(&mut text);
    read.map_err(|error| FileReason::Unreadable(error.to_string()))?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > LARGEST_FILE { Err(FileReason::TooLarge) } else { Ok(text) }
}

#[cfg(unix)]
fn is_open_to_others(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

fn unreadable(folder: &Path, error: &io::Error) -> FileError {
    FileError { file: folder.to_owned(), reason: FileReason::Unreadable(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_certificates::{self_signed, write};

    fn read(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<CertificateFolder, FolderError>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&folder.path().join(name), text);
        }
        let read = CertificateFolder::read(folder.path());
        (folder, read)
    }

    #[test]
    fn a_certificate_is_found_by_its_thumbprint_with_its_chain_and_key_in_one_file_or_two() {
        let (one, other) = (self_signed("one.example"), self_signed("other.example"));
        let chained = one.certificate.clone() + &other.certificate;
        let layouts: [&[(&str, &str)]; 4] = [
            &[("site.pem", &(one.key.clone() + &chained))],
            &[("site.pem", &(chained.clone() + &one.key))],
            &[("site.crt", &chained), ("site.key", &one.key)],
            &[("Site.PEM", &chained), ("Site.key", &one.key), ("README.md", "not read"), ("a.pfx", "\0")],
        ];
        for layout in layouts {
            let (_folder, read) = read(layout);
            let read = read.unwrap();
            let found = read.find(&one.thumbprint).unwrap();
            assert_eq!((found.chain.len(), found.has_key()), (2, true), "{layout:?}");
            assert!(read.find(&other.thumbprint).is_none(), "it is only in the chain");
        }
    }

    #[test]
    fn of_a_certificate_that_is_there_twice_the_one_with_its_key_counts() {
        let one = self_signed("one.example");
        let both = one.certificate.clone() + &one.key;
        for layout in
            [[("a.pem", &both), ("b.pem", &one.certificate)], [("b.pem", &both), ("a.pem", &one.certificate)]]
        {
            let (_folder, read) = read(&layout.map(|(name, text)| (name, text.as_str())));
            assert!(read.unwrap().find(&one.thumbprint).unwrap().has_key(), "{layout:?}");
        }
    }

    #[test]
    fn every_file_that_cannot_be_used_is_named_with_the_reason() {
        let one = self_signed("one.example");
        let large = "#".repeat(2 << 20);
        let (folder, read) = read(&[
            ("binary.cer", "\0\u{1}"),
            ("good.pem", &one.certificate),
            ("lonely.key", &one.key),
            ("large.pem", &large),
            ("twice.key", &one.key),
            ("twice.pem", &(one.certificate.clone() + &one.key)),
        ]);
        let errors = read.unwrap_err();
        let mut said: Vec<String> = errors.errors().iter().map(ToString::to_string).collect();
        said.sort();
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(
            said,
            [
                format!("{}: it has neither a certificate nor a private key in PEM form", at("binary.cer")),
                format!("{}: it has more than 1024 KiB", at("large.pem")),
                format!("{}: its private key has no certificate", at("lonely.key")),
                format!("{}: there is more than one private key of this stem", at("twice.pem")),
            ]
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_name() {
        let error = CertificateFolder::read("/nowhere/at/all").unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/at/all: it cannot be read: "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_key_that_others_can_read_is_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let one = self_signed("one.example");
        let (folder, _) = read(&[("site.crt", &one.certificate), ("site.key", &one.key)]);
        let key = folder.path().join("site.key");
        for (mode, expected) in [(0o600, vec![]), (0o640, vec![FolderWarning::KeyIsOpen(key.clone())])] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            let read = CertificateFolder::read(folder.path()).unwrap();
            assert_eq!(read.warnings(), expected, "{mode:o}");
        }
    }
}
