//! The sources of one role, as a recipe sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::RoleName;

use crate::language::Language;

/// The folder of a service where this crate keeps what it knows.
pub(crate) const OWN_FOLDER: &str = ".wasm-roles";
/// The folder of a service that holds SDKs, each in the folder of its language's name.
const SDK_FOLDER: &str = "sdk";

/// The sources of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    service: PathBuf,
    source: PathBuf,
    role: RoleName,
    profile: Option<String>,
    also: Vec<PathBuf>,
    sdks: BTreeMap<Language, PathBuf>,
}

impl Project {
    /// Sources in the folder `source`, for `role` of the service whose definition is in the folder `service`.
    #[must_use]
    pub const fn new(service: PathBuf, source: PathBuf, role: RoleName) -> Self {
        Self { service, source, role, profile: None, also: Vec::new(), sdks: BTreeMap::new() }
    }

    /// Built with this profile, where the language has several (cargo's `--profile`).
    #[must_use]
    pub fn with_profile(mut self, profile: Option<String>) -> Self {
        self.profile = profile;
        self
    }

    /// Made of these files and folders too.
    #[must_use]
    pub fn with_also(mut self, also: Vec<PathBuf>) -> Self {
        self.also = also;
        self
    }

    /// With SDKs that lie elsewhere than `wasm-roles new` puts them.
    #[must_use]
    pub fn with_sdks(mut self, sdks: BTreeMap<Language, PathBuf>) -> Self {
        self.sdks = sdks;
        self
    }

    /// The folder of the service definition; an absolute path.
    #[must_use]
    pub fn service(&self) -> &Path {
        &self.service
    }

    /// The folder of the sources, with the manifest in it; an absolute path.
    #[must_use]
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The role; the first one when several are made of these sources.
    #[must_use]
    pub const fn role(&self) -> &RoleName {
        &self.role
    }

    /// The profile that was asked for.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// What it is made of too, as the service says.
    #[must_use]
    pub fn also(&self) -> &[PathBuf] {
        &self.also
    }

    /// Where the SDK of a language is: `<service>/sdk/<language>`, where `wasm-roles new` puts it, unless the service says otherwise
    /// (`build.toml`, table `sdk`). The folder need not be there.
    #[must_use]
    pub fn sdk_folder(&self, language: Language) -> PathBuf {
        let elsewhere = self.sdks.get(&language).cloned();
        elsewhere.unwrap_or_else(|| self.service.join(SDK_FOLDER).join(language.name()))
    }

    /// A folder for what a recipe makes on its way, kept from build to build and ignored by git:
    /// `<service>/.wasm-roles/work/<role>`. It is there when the commands run.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.service.join(OWN_FOLDER).join("work").join(self.role.as_str())
    }
}
