//! Packages: a service as somebody has sent it.
//!
//! A package is a tar ([`package`](wasm_roles_control_interface::package) has its form). It is made by whoever may deploy, and a
//! host serves several tenants, so all of it is hostile: it is received into a file of bounded size, unpacked by
//! [`unpack`] into a folder of its own, and kept there, one folder for each revision of a deployment. What a definition says about
//! folders of the machine is held inside the package ([`confined`]).

pub(crate) mod confined;
pub(crate) mod path;
mod receive;
mod unpack;

pub(crate) use receive::receive;
pub use unpack::{PackageLimits, UnpackError};

use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_control_interface::package::{FORMAT, MANIFEST, Manifest};
use wasm_roles_control_interface::{Detail, Refusal, RefusalCode};
use wasm_roles_service_model::Source;

use path::PathError;

/// The largest manifest, definition or configuration, in bytes.
const LARGEST_TEXT: u64 = 16 << 20;

/// Why a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// It did not arrive whole.
    #[error("the package did not arrive whole: {0}")]
    Broken(io::Error),
    /// The host cannot keep it.
    #[error("the host cannot keep the package: {}: {error}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// It lacks a file.
    #[error("the package has no file {0}")]
    Missing(String),
    /// Its manifest is none.
    #[error("the package's {MANIFEST} cannot be read: {0}")]
    Manifest(String),
    /// It was made by or for another version.
    #[error("the package has format {found}, and this host reads format {FORMAT}")]
    Format {
        /// The format that it says.
        found: u64,
    },
    /// The manifest names a path that leads out of the package.
    #[error("the package's {MANIFEST} names `{path}`, which is no path in a package: {error}")]
    Path {
        /// The path, without control characters.
        path: String,
        /// Why.
        error: PathError,
    },
    /// A file that should be text is none.
    #[error("{file} is no text: {error}")]
    NoText {
        /// The file, by its name in the package.
        file: String,
        /// Why.
        error: String,
    },
    /// A text file is longer than any of its kind.
    #[error("{0} is longer than {LARGEST_TEXT} bytes")]
    TooLong(String),
}

impl PackageError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unpack(error) if error.is_of_host() => {
                Some("the host's owner has to look at its data folder")
            }
            Self::Unpack(UnpackError::TooLarge { .. }) => {
                Some("leave out what no role needs, or ask the host's owner for more")
            }
            Self::Unpack(_) | Self::Missing(_) | Self::Manifest(_) | Self::Path { .. } => {
                Some("let `wasm-roles deploy` or `wasm-roles upgrade` make the package")
            }
            Self::Format { .. } => {
                Some("use the same version of wasm-roles for the host and the command line")
            }
            Self::NoText { .. } => Some("save it as UTF-8 or UTF-16"),
            Self::Broken(_) => Some("send it again"),
            Self::Disk { .. } => Some("the host's owner has to look at its data folder"),
            Self::TooLong(_) => Some("take out what no role needs"),
        }
    }
}

impl From<PackageError> for Refusal {
    fn from(error: PackageError) -> Self {
        let code = match &error {
            PackageError::Disk { .. } => RefusalCode::Internal,
            PackageError::Unpack(unpack) if unpack.is_of_host() => RefusalCode::Internal,
            PackageError::Unpack(UnpackError::TooLarge { .. }) => RefusalCode::TooLarge,
            _ => RefusalCode::BadPackage,
        };
        let refusal = Refusal::new(code, error.to_string());
        match error.hint() {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    }
}

/// A package that lies unpacked in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    folder: PathBuf,
    manifest: Manifest,
}

impl Package {
    /// The package in this folder. It blocks.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, PackageError> {
        let text = read(&folder, MANIFEST)?;
        #[derive(serde::Deserialize)]
        struct Format {
            format: u64,
        }
        // The format first: another one may have other fields.
        let Format { format } = parse(&text)?;
        if format != u64::from(FORMAT) {
            return Err(PackageError::Format { found: format });
        }
        let manifest: Manifest = parse(&text)?;
        let named = std::iter::once(&manifest.definition)
            .chain(&manifest.configuration)
            .chain(manifest.approots.values())
            .chain(&manifest.certificates);
        for name in named {
            path::inside(name.as_bytes()).map_err(|error| PackageError::Path {
                path: name.chars().take(200).flat_map(char::escape_debug).collect(),
                error,
            })?;
        }
        Ok(Self { folder, manifest })
    }

    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The service definition. It blocks.
    pub(crate) fn definition(&self) -> Result<Source, PackageError> {
        self.source(&self.manifest.definition)
    }

    /// The configuration that came with it; none when it has none. It blocks.
    pub(crate) fn configuration(&self) -> Result<Option<Source>, PackageError> {
        self.manifest.configuration.as_ref().map(|file| self.source(file)).transpose()
    }

    fn source(&self, file: &str) -> Result<Source, PackageError> {
        let bytes = read(&self.folder, file)?;
        // People know the file by its name, not by its place in the package.
        let name = file.rsplit('/').next().unwrap_or(file);
        Source::decode(name, &bytes)
            .map_err(|error| PackageError::NoText { file: name.to_owned(), error: error.to_string() })
    }

    /// Where a path of the manifest is on this machine.
    pub(crate) fn path(&self, named: &str) -> PathBuf {
        self.folder.join(named)
    }

    /// The folder of the definition on this machine.
    pub(crate) fn definition_folder(&self) -> PathBuf {
        let file = self.path(&self.manifest.definition);
        file.parent().map_or_else(|| self.folder.clone(), Path::to_owned)
    }
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>, PackageError> {
    let path = folder.join(file);
    let is_missing =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let length = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(PackageError::Missing(file.to_owned())),
        Err(error) if is_missing(&error) => return Err(PackageError::Missing(file.to_owned())),
        Err(error) => return Err(PackageError::Disk { path, error }),
    };
    if length > LARGEST_TEXT {
        return Err(PackageError::TooLong(file.to_owned()));
    }
    std::fs::read(&path).map_err(|error| PackageError::Disk { path, error })
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a [u8]) -> Result<T, PackageError> {
    serde_json::from_slice(text).map_err(|error| PackageError::Manifest(error.to_string()))
}

/// Details of several problems with one message above them.
pub(crate) fn refused_files(message: String, details: Vec<Detail>) -> Refusal {
    Refusal::new(RefusalCode::BadPackage, message).details(details)
}

#[cfg(test)]
mod tests;
