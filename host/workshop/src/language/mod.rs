//! How a component is made of sources: one recipe for each language.
//!
//! A recipe says which file marks a folder as sources of its language, which tools it needs and how to get them, and which
//! commands make a component, or run the sources' own tests. It runs nothing but what tells it about tools: that, what has changed,
//! and where a component goes is the same for all of them ([`build`](crate::build)).

mod c;
mod javascript;
mod python;
mod rust;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::project::Project;
use crate::step::Step;
use crate::tool::{MissingTool, ToolSearch, Tools};

/// A language that roles are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, with cargo.
    Rust,
    /// Python, with componentize-py.
    Python,
    /// JavaScript, with componentize-js or componentize-qjs.
    JavaScript,
    /// C, with clang.
    C,
}

impl Language {
    /// All of them, in the order in which the manifest of a folder is looked for.
    pub const ALL: [Self; 4] = [Self::Rust, Self::Python, Self::JavaScript, Self::C];

    /// The name on the command line, of the folder of its SDK in a project, and of the folder of its templates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::C => "c",
        }
    }

    /// How components are made of it.
    #[must_use]
    pub fn recipe(self) -> &'static dyn Recipe {
        match self {
            Self::Rust => &rust::Rust,
            Self::Python => &python::Python,
            Self::JavaScript => &javascript::JavaScript,
            Self::C => &c::C,
        }
    }

    /// The language of the sources in `folder`, told by the manifest there; none when there is no manifest of any.
    #[must_use]
    pub fn of_sources(folder: &Path) -> Option<Self> {
        let has_manifest = |language: &Self| {
            language.recipe().manifests().iter().any(|manifest| folder.join(manifest).is_file())
        };
        Self::ALL.into_iter().find(has_manifest)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::C => "C",
        })
    }
}

/// How a component is made of the sources of one language.
pub trait Recipe: fmt::Debug + Send + Sync {
    /// Raised whenever the commands change, so that what older ones have made is made again.
    fn revision(&self) -> u32 {
        1
    }

    /// File names, any of which marks a folder as sources of this language, such as `Cargo.toml`.
    fn manifests(&self) -> &'static [&'static str];

    /// Names of files and folders that hold no sources, wherever they lie below the source folder: what tools make, such
    /// as `target`. A name that begins with `*.` means every name with that end. Names that begin with a dot are left out always.
    fn left_out(&self) -> &'static [&'static str];

    /// Finds the tools that building needs.
    ///
    /// # Errors
    ///
    /// Every tool that is missing, with what to do about it.
    fn tools(&self, project: &Project, search: &ToolSearch) -> Result<Tools, Vec<MissingTool>>;

    /// Folders and files out of the source folder that the component is made of too. A change there makes it stale.
    fn also_made_of(&self, project: &Project) -> Vec<PathBuf> {
        vec![project.sdk_folder(self.language())]
    }

    /// The language.
    fn language(&self) -> Language;

    /// The commands that make a component of the sources, in their order, each run when the one before it has ended well. The component
    /// is to be written to `component`, whose folder is there and which is no file yet; see [`Self::component`] for tools that choose the place
    /// themselves.
    ///
    /// # Errors
    ///
    /// What is wrong with the sources, in a sentence, when that is known without running anything.
    fn build(&self, project: &Project, tools: &Tools, component: &Path) -> Result<Vec<Step>, String>;

    /// Names of source files that tools write too while they build, such as lock files: they count as they are after a build.
    fn settled(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where the component lies when all commands have ended well; `printed` is what the last one printed for programs
    /// ([`Step::printing_for_programs`]).
    ///
    /// # Errors
    ///
    /// Why there is none, in a sentence.
    fn component(&self, project: &Project, printed: &str, component: &Path) -> Result<PathBuf, String> {
        let _ = (project, printed);
        Ok(component.to_owned())
    }

    /// Files that the tool says it has read, beside the sources and [`Self::also_made_of`]; they may be among those. `made` is the component
    /// where the tool has put it. Relative paths are seen from the source folder.
    fn also_read(&self, project: &Project, made: &Path) -> Vec<PathBuf> {
        let _ = (project, made);
        Vec::new()
    }

    /// The commands that run the sources' own tests, on this machine and without a host.
    fn test(&self, project: &Project, tools: &Tools) -> Vec<Step>;
}
