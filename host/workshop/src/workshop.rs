//! A service whose roles are built: which of them have sources, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::RoleName;

use crate::definition::{self, DefinedRole};
use crate::language::Language;
use crate::layout::{self, Layout, LayoutError};
use crate::project::{OWN_FOLDER, Project};
use crate::sources::LeftOut;

/// A service whose roles can be built.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// The folder of the definition as the user wrote it, for messages.
    given: PathBuf,
    /// The same without links.
    service: PathBuf,
    pub(crate) roles: Vec<RoleSources>,
}

/// A role, and where its sources are.
#[derive(Clone, Debug)]
pub(crate) struct RoleSources {
    pub(crate) role: DefinedRole,
    pub(crate) place: Place,
}

/// Where the sources of a role are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// There are none: nobody said where, and there is no folder in the usual place, which is this one.
    Nowhere(PathBuf),
    /// In a folder without a manifest of any language, or which is not there though `build.toml` names it.
    NoManifest(PathBuf),
    /// Here.
    Here(Box<Project>, Language),
}

/// Who is made of what.
#[derive(Clone, Debug)]
pub struct Watching {
    roles: Vec<Watched>,
}

#[derive(Clone, Debug)]
struct Watched {
    role: RoleName,
    places: Vec<PathBuf>,
    left_out: LeftOut,
}

impl Watching {
    /// The roles whose sources the file at `changed` is one of, whether it is still there or not. What tools make is none.
    #[must_use]
    pub fn roles_of(&self, changed: &Path) -> Vec<RoleName> {
        let is_made_of = |watched: &&Watched| {
            let mut places = watched.places.iter();
            places.any(|place| place == changed || watched.left_out.admits(place, changed))
        };
        self.roles.iter().filter(is_made_of).map(|watched| watched.role.clone()).collect()
    }
}

/// Why the roles of a service cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The definition is no text.
    #[error("the service definition {} is no text: {why}", file.display())]
    NoText {
        /// The definition.
        file: PathBuf,
        /// Where it stops being one.
        why: String,
    },
    /// There are errors in the definition.
    #[error("the service definition {} has errors\n{}", file.display(), problems.trim_end())]
    WrongDefinition {
        /// The definition.
        file: PathBuf,
        /// Everything that is to be said about it, in lines.
        problems: String,
    },
    /// An entry point names a file out of the role's folder.
    #[error("the entry point of role {role} in {} leads out of the role's folder", file.display())]
    EntryPointOutside {
        /// The definition.
        file: PathBuf,
        /// The role.
        role: RoleName,
    },
    /// `build.toml` does not say what it should.
    #[error("{} is wrong\n{why}", file.display())]
    WrongLayout {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `build.toml` has a role that the definition does not have.
    #[error("{} has a role {role}, which the definition does not have", file.display())]
    UnknownRole {
        /// The file.
        file: PathBuf,
        /// The role.
        role: String,
        /// The roles that it has.
        known: Vec<RoleName>,
    },
}

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => "check that the file is there and that you may read it".to_owned(),
            Self::NoText { .. } => "save it as UTF-8 or UTF-16".to_owned(),
            Self::WrongDefinition { .. } => "`wasm-roles explain-code CODE` tells more about an error".to_owned(),
            Self::EntryPointOutside { .. } => "name a file in the role's folder or below it".to_owned(),
            Self::WrongLayout { .. } => {
                "it has tables `[roles.NAME]` with `source`, `profile` and `also`, and a table `[sdk]` with a folder for each language"
                    .to_owned()
            }
            Self::UnknownRole { known, .. } => format!("its roles are {}", names(known)),
        }
    }
}

/// Names with commas between them.
pub(crate) fn names(roles: &[RoleName]) -> String {
    roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ")
}

impl Workshop {
    /// Finds the sources of the roles of a service.
    ///
    /// # Errors
    ///
    /// The definition, or the `build.toml` beside it, cannot be read or has errors.
    pub fn open(definition: &Path) -> Result<Self, OpenError> {
        let unreadable = |file: &Path| {
            let file = file.to_owned();
            |error| OpenError::Unreadable { file, error }
        };
        let roles = definition::roles(definition)?;
        let given = definition.parent().unwrap_or(Path::new("")).to_owned();
        let folder = if given.as_os_str().is_empty() { Path::new(".") } else { &given };
        let service = folder.canonicalize().map_err(unreadable(folder))?;
        let file = given.join(layout::FILE);
        let layout = Layout::read(&service).map_err(|error| match error {
            LayoutError::Unreadable(error) => unreadable(&file)(error),
            LayoutError::Wrong(why) => OpenError::WrongLayout { file: file.clone(), why },
        })?;
        let is_role = |name: &&String| roles.iter().any(|role| role.name.as_str() == name.as_str());
        if let Some(unknown) = layout.roles.keys().find(|name| !is_role(name)) {
            let known = roles.into_iter().map(|role| role.name).collect();
            return Err(OpenError::UnknownRole { file, role: unknown.clone(), known });
        }
        let sdks = sdks(&service, &layout);
        let roles = roles.into_iter().map(|role| {
            let place = place(&service, &role, &layout, &sdks);
            RoleSources { role, place }
        });
        Ok(Self { roles: roles.collect(), given, service })
    }

    /// The folder of the definition, without links.
    #[must_use]
    pub fn service(&self) -> &Path {
        &self.service
    }

    /// The roles with sources, in the order of the definition.
    pub fn roles(&self) -> impl Iterator<Item = &RoleName> {
        self.projects().map(|(role, ..)| role)
    }

    /// All roles of the definition.
    #[must_use]
    pub fn all_roles(&self) -> Vec<RoleName> {
        self.roles.iter().map(|sources| sources.role.name.clone()).collect()
    }

    /// The sources of a role; none when it has none.
    #[must_use]
    pub fn project(&self, role: &RoleName) -> Option<(&Project, Language)> {
        self.projects().find(|(name, ..)| *name == role).map(|(_, project, language)| (project, language))
    }

    fn projects(&self) -> impl Iterator<Item = (&RoleName, &Project, Language)> {
        self.roles.iter().filter_map(|sources| match &sources.place {
            Place::Here(project, language) => Some((&sources.role.name, &**project, *language)),
            Place::Nowhere(_) | Place::NoManifest(_) => None,
        })
    }

    /// Folders, with everything below them, and files, where a change may concern the component of this role. Whether it does says
    /// [`Watching::roles_of`].
    #[must_use]
    pub fn watched(&self, role: &RoleName) -> Vec<PathBuf> {
        let Some((project, language)) = self.project(role) else { return Vec::new() };
        let mut places = self.made_of(project, language);
        places.retain(|place| place.exists());
        places
    }

    /// Who is made of what, as it is now. To be asked for many files.
    #[must_use]
    pub fn watching(&self) -> Watching {
        let watched = self.projects().map(|(role, project, language)| Watched {
            role: role.clone(),
            places: self.made_of(project, language),
            left_out: self.left_out(language),
        });
        Watching { roles: watched.collect() }
    }

    /// The roles whose sources the file at `changed` is one of; see [`Watching::roles_of`].
    #[must_use]
    pub fn roles_of(&self, changed: &Path) -> Vec<RoleName> {
        self.watching().roles_of(changed)
    }

    /// Files and folders that a component is made of, the source folder first, as far as that is known without building.
    pub(crate) fn made_of(&self, project: &Project, language: Language) -> Vec<PathBuf> {
        let mut places = vec![project.source().to_owned()];
        places.extend(language.recipe().also_made_of(project));
        places.extend(project.also().iter().cloned());
        places
    }

    pub(crate) fn left_out(&self, language: Language) -> LeftOut {
        let components: BTreeSet<PathBuf> =
            self.roles.iter().map(|sources| self.service.join(&sources.role.component)).collect();
        LeftOut::new(language.recipe().left_out(), components)
    }

    /// A place of the service as the user would write it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.service).map_or_else(|_| path.to_owned(), |below| self.given.join(below))
    }

    /// Where this crate keeps what it knows about the service.
    pub(crate) fn own_folder(&self) -> PathBuf {
        self.service.join(OWN_FOLDER)
    }
}

fn sdks(service: &Path, layout: &Layout) -> BTreeMap<Language, PathBuf> {
    layout.sdk.iter().map(|(language, folder)| (*language, without_links(&service.join(folder)))).collect()
}

fn place(service: &Path, role: &DefinedRole, layout: &Layout, sdks: &BTreeMap<Language, PathBuf>) -> Place {
    let said = layout.roles.get(role.name.as_str()).cloned().unwrap_or_default();
    let usual = service.join(layout::ROLES).join(role.name.as_str());
    let folder = match said.source {
        Some(source) => service.join(source),
        None if usual.is_dir() => usual,
        None => return Place::Nowhere(usual),
    };
    let folder = without_links(&folder);
    match Language::of_sources(&folder) {
        None => Place::NoManifest(folder),
        Some(language) => {
            let project = Project::new(service.to_owned(), folder, role.name.clone());
            let also = said.also.iter().map(|path| without_links(&service.join(path))).collect();
            let project = project.with_profile(said.profile).with_also(also).with_sdks(sdks.clone());
            Place::Here(Box::new(project), language)
        }
    }
}

/// The same place without links, if it is there.
fn without_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
