//! Makes new services from templates, and builds the roles of a service, each with the ordinary tool of its language.
//!
//! A service is a folder with a definition; [`Workshop`] finds the sources of its roles there and builds them. What is special to
//! a language is a [`Recipe`], and nothing else in this crate knows any language.

mod build;
mod definition;
mod depfile;
mod fingerprint;
pub mod language;
mod layout;
mod process;
mod project;
mod record;
mod sources;
mod step;
mod templates;
mod tool;
mod workshop;

pub use build::{BuildError, BuildOptions, BuildReport, Failed, Outcome, Progress, RoleReport};
pub use language::{Language, Recipe};
pub use project::Project;
pub use step::{Step, quoted};
pub use templates::{NameError, NewError, NewName, NewService, Template};
pub use tool::{MissingTool, Tool, ToolSearch, Tools, Wanted};
pub use workshop::{OpenError, Watching, Workshop};
