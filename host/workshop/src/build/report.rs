//! What came of building.

use std::path::{Path, PathBuf};

use wasm_roles_service_model::RoleName;

use crate::language::Language;
use crate::layout;
use crate::tool::MissingTool;

/// What came of building some roles.
#[derive(Clone, Debug, Default)]
pub struct BuildReport {
    /// What came of each, in the order of the definition.
    pub roles: Vec<RoleReport>,
}

impl BuildReport {
    /// Whether every role has what it needs.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.roles.iter().all(|role| !matches!(role.outcome, Outcome::Failed(_)))
    }

    /// The roles whose components are new.
    pub fn built(&self) -> impl Iterator<Item = &RoleName> {
        self.roles.iter().filter(|role| matches!(role.outcome, Outcome::Built)).map(|role| &role.role)
    }
}

/// What came of building one role.
#[derive(Clone, Debug)]
pub struct RoleReport {
    /// The role.
    pub role: RoleName,
    /// The language of its sources; none when there are no sources.
    pub language: Option<Language>,
    /// Where its component is, or would be.
    pub component: PathBuf,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of building one role.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has a new component.
    Built,
    /// The component that it has is made of the same.
    Unchanged,
    /// It has no sources, and needs none.
    NotBuilt {
        /// Where sources would be.
        looked_in: PathBuf,
        /// Its component is there; otherwise it is a web role whose sites are files.
        component_is_there: bool,
    },
    /// It could not be built. The component that it had, if any, is as it was.
    Failed(Failed),
}

/// Why a role could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it, a line each.
    pub hints: Vec<String>,
    /// What the tool said, in lines; empty when no tool was run, or it said nothing. Long ones lack their middle.
    pub output: String,
}

impl Failed {
    pub(crate) const fn new(message: String) -> Self {
        Self { message, hints: Vec::new(), output: String::new() }
    }

    fn with_hint(message: String, hint: impl Into<String>) -> Self {
        Self { hints: vec![hint.into()], ..Self::new(message) }
    }

    /// Some tools are not there.
    pub(crate) fn missing(tools: &[MissingTool]) -> Self {
        let sentences: Vec<String> = tools.iter().map(ToString::to_string).collect();
        let hints = tools.iter().map(|tool| tool.get.clone()).collect();
        Self { hints, ..Self::new(sentences.join("; ")) }
    }

    pub(crate) fn no_sources(looked_in: &Path, component: &Path) -> Self {
        let (looked_in, component) = (looked_in.display(), component.display());
        Self::with_hint(
            format!("there are neither sources in {looked_in} nor a component {component}"),
            format!("put sources or the component there, or name their folder in `{}`", layout::FILE),
        )
    }

    pub(crate) fn no_manifest(folder: &Path) -> Self {
        let shown = folder.display();
        let message = if folder.is_dir() {
            format!("the folder {shown} says no language that can be built")
        } else {
            format!("there is no folder {shown} with its sources")
        };
        let manifests = Language::ALL
            .map(|language| format!("{} ({language})", language.recipe().manifests().join(" or ")));
        Self::with_hint(message, format!("the manifest of a role is one of {}", manifests.join(", ")))
    }
}

/// What happens while roles are built. It is told on several threads.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Somebody else builds this service; its end is waited for.
    Waiting,
    /// A command begins to run for these roles.
    Runs {
        /// The roles that get the component.
        roles: &'a [RoleName],
        /// Their language.
        language: Language,
        /// The command, as a person would type it.
        command: &'a str,
    },
    /// This came of a role.
    Ended(&'a RoleReport),
}
