//! New services: a folder with a definition, sources in a language, and the SDK that they use.
//!
//! The templates lie in the folder `templates` of this crate and are part of the binary. For a language and a template, the
//! files of these folders are put over each other, the later ones in the place of the earlier:
//!
//! 1. `common/any`, `common/<template>`: definition, configuration, README, `.gitignore`,
//! 2. `<language>/any`,
//! 3. `<language>/<template>`; of `service`, `<language>/worker` before it, since it has the same worker role,
//!
//! and the SDK as its published package has it ([`SDK folder`](crate::Project::sdk_folder)). A name that begins with `dot-` begins with
//! a dot in the project. These are replaced in what is text:
//!
//! | written | becomes |
//! |---|---|
//! | `{{name}}` | the name as it was typed |
//! | `{{package}}` | the name in small letters |
//! | `{{module}}` | the same with underscores for hyphens |
//! | `{{language}}` | `Python` |
//! | `{{about}}` | `about.md` of the language |
//! | `{{left-out}}` | what the recipe's tools make, a line each |

mod name;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use name::{NameError, NewName};

use crate::language::Language;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A file of a template or of an SDK.
struct File {
    /// Its path, with `/`.
    place: &'static str,
    contents: &'static [u8],
}

/// What a new service is to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A worker role that ticks, and answers on endpoints.
    Worker,
    /// A web role.
    Web,
    /// A web role that asks a worker role.
    Service,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Worker, Self::Web, Self::Service];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Web => "web",
            Self::Service => "service",
        }
    }

    /// The roles that it has.
    #[must_use]
    pub const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Worker => &["Worker"],
            Self::Web => &["Web"],
            Self::Service => &["Web", "Worker"],
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A service that is to be made.
#[derive(Clone, Debug)]
pub struct NewService {
    /// What it is called.
    pub name: NewName,
    /// The language of its roles.
    pub language: Language,
    /// What it begins with.
    pub template: Template,
}

/// Why there is no new service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// Something is there.
    #[error("{} is there already", folder.display())]
    Exists {
        /// What is there.
        folder: PathBuf,
    },
    /// There is no folder that it could be made in.
    #[error("there is no folder {} to make it in", folder.display())]
    NoFolder {
        /// The folder that there is not.
        folder: PathBuf,
    },
    /// A file cannot be written. What was written before is removed again.
    #[error("{} cannot be written: {error}", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl NewError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Exists { .. } => {
                "nothing is overwritten: choose another place with `--folder DIR`".to_owned()
            }
            Self::NoFolder { .. } => "make it first, or choose another place with `--folder DIR`".to_owned(),
            Self::Unwritable { .. } => "check that you may write there, and that there is room".to_owned(),
        }
    }
}

impl NewService {
    /// The files of the service, by their paths in its folder, with `/`.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let (language, template) = (self.language.name(), self.template.name());
        let mut layers = vec![
            "common/any/".to_owned(),
            format!("common/{template}/"),
            format!("{language}/any/"),
            format!("{language}/{template}/"),
        ];
        if self.template == Template::Service {
            layers.insert(3, format!("{language}/{}/", Template::Worker.name()));
        }
        let mut files = BTreeMap::new();
        for layer in &layers {
            let of_layer =
                TEMPLATES.iter().filter_map(|file| Some((file.place.strip_prefix(layer)?, file.contents)));
            files.extend(of_layer.map(|(place, contents)| (dotted(place), self.filled(contents))));
        }
        let of_sdk = SDKS.iter().filter(|file| file.place.starts_with(&format!("{language}/")));
        files.extend(of_sdk.map(|file| (format!("sdk/{}", file.place), file.contents.to_vec())));
        files
    }

    /// Makes the service in a folder that is not there yet.
    ///
    /// # Errors
    ///
    /// See [`NewError`]. Then nothing is there that was not there before.
    pub fn make(&self, folder: &Path) -> Result<(), NewError> {
        fs::create_dir(folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => NewError::Exists { folder: folder.to_owned() },
            io::ErrorKind::NotFound => NewError::NoFolder { folder: above(folder) },
            _ => NewError::Unwritable { file: folder.to_owned(), error },
        })?;
        self.write(folder).inspect_err(|_| {
            // Nobody else has put anything there, for it was not there a moment ago. What cannot be removed is left.
            let _ = fs::remove_dir_all(folder);
        })
    }

    fn write(&self, folder: &Path) -> Result<(), NewError> {
        for (place, contents) in self.files() {
            let file = folder.join(place);
            let unwritable = |error| NewError::Unwritable { file: file.clone(), error };
            fs::create_dir_all(above(&file)).map_err(unwritable)?;
            fs::write(&file, contents).map_err(unwritable)?;
        }
        Ok(())
    }

    /// A file of a template as the project gets it.
    fn filled(&self, contents: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(contents) else { return contents.to_vec() };
        let about = TEMPLATES.iter().find(|file| file.place == format!("{}/about.md", self.language.name()));
        let about = about.map(|file| String::from_utf8_lossy(file.contents)).unwrap_or_default();
        let text = text.replace("{{about}}", about.trim_end());
        let text = text.replace("{{left-out}}", &self.language.recipe().left_out().join("\n"));
        let text = text.replace("{{language}}", &self.language.to_string());
        let text = text.replace("{{name}}", self.name.as_str());
        let text = text.replace("{{package}}", &self.name.package());
        text.replace("{{module}}", &self.name.module()).into_bytes()
    }
}

/// The folder that holds this.
fn above(path: &Path) -> PathBuf {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).to_owned()
}

/// The place of a file in a project.
fn dotted(place: &str) -> String {
    let part =
        |part: &str| part.strip_prefix("dot-").map_or_else(|| part.to_owned(), |rest| format!(".{rest}"));
    place.split('/').map(part).collect::<Vec<_>>().join("/")
}
