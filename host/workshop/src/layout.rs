//! Where the sources of a service lie: `build.toml` beside its definition.
//!
//! ```toml
//! [roles.WorkerRole1]
//! source = "roles/worker"     # without it `roles/WorkerRole1`; several roles may name the same folder
//! profile = "guest"           # of cargo; without it `release`
//! also = ["shared"]           # files and folders that the component is made of too, beside what the language's own files say
//!
//! [sdk]
//! python = "../sdk-of-python" # without it `sdk/python`
//! ```
//!
//! Rust's SDK is where `Cargo.toml` says. The file need not be there. Paths are relative to its folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::language::Language;

/// The name of the file.
pub(crate) const FILE: &str = "build.toml";
/// Where the sources of roles are that the file says nothing about, each in a folder of the role's name.
pub(crate) const ROLES: &str = "roles";

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layout {
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, RoleLayout>,
    #[serde(default)]
    pub(crate) sdk: BTreeMap<Language, PathBuf>,
}

/// What it says about a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleLayout {
    pub(crate) source: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) also: Vec<PathBuf>,
}

/// Why the file cannot be used.
#[derive(Debug)]
pub(crate) enum LayoutError {
    Unreadable(io::Error),
    Wrong(String),
}

impl Layout {
    /// Reads the file in the folder of a service; there need not be one.
    pub(crate) fn read(service: &Path) -> Result<Self, LayoutError> {
        match std::fs::read_to_string(service.join(FILE)) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LayoutError::Unreadable(error)),
        }
    }

    fn parse(text: &str) -> Result<Self, LayoutError> {
        let layout: Self = toml::from_str(text)
            .map_err(|error| LayoutError::Wrong(error.to_string().trim_end().to_owned()))?;
        if layout.sdk.contains_key(&Language::Rust) {
            return Err(LayoutError::Wrong(
                "`sdk.rust`: Cargo.toml says where the SDK of Rust is".to_owned(),
            ));
        }
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_roles_and_of_sdks_are_read() {
        let text = "[roles.Worker]\nsource = \"roles/worker\"\nprofile = \"guest\"\nalso = [\"shared\"]\n[roles.Other]\n[sdk]\npython = \"../py\"\n";
        let layout = Layout::parse(text).unwrap();
        assert_eq!(layout.roles["Worker"].source.as_deref(), Some(Path::new("roles/worker")));
        assert_eq!(layout.roles["Worker"].profile.as_deref(), Some("guest"));
        assert_eq!(layout.roles["Worker"].also, [Path::new("shared")]);
        assert_eq!(layout.roles["Other"], RoleLayout::default());
        assert_eq!(layout.sdk[&Language::Python], Path::new("../py"));
    }

    #[test]
    fn a_mistyped_key_is_named_with_its_line() {
        for (text, place, named) in [
            ("[roles.Worker]\nsourse = \"x\"\n", "line 2", "sourse"),
            ("[sdk]\npyhton = \"x\"\n", "line 2", "pyhton"),
            ("[role.Worker]\n", "line 1", "role"),
            ("[sdk]\nrust = \"x\"\n", "sdk.rust", "Cargo.toml"),
        ] {
            let Err(LayoutError::Wrong(words)) = Layout::parse(text) else { panic!("{text} is taken") };
            assert!(words.contains(place) && words.contains(named), "{words}");
        }
    }
}
