//! What a watch tells.

use std::path::PathBuf;
use std::time::Duration;

use wasm_roles_control_interface::Refusal;
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::BuildReport;

/// What a watch tells.
#[derive(Debug)]
pub enum News {
    /// The sources of these roles are watched, and the files of the service.
    Watching { roles: Vec<RoleName> },
    /// These roles are built, because this file was saved.
    Builds { roles: Vec<RoleName>, because: Option<PathBuf> },
    /// Somebody else builds the service; this waits for the end of that.
    Waits,
    /// These could not be built; what ran before goes on.
    NotBuilt { report: BuildReport },
    /// Nothing can be built.
    CannotBuild { reason: String, hint: String },
    /// A file of the service cannot be read.
    Unreadable { file: String, why: String },
    /// The files of the service have errors.
    Wrong { problems: String },
    /// It runs now.
    Applied {
        what: What,
        /// How long the building has taken that came before it.
        building: Option<Duration>,
        /// How long the rest has taken, from the save on.
        took: Duration,
        message: String,
    },
    /// It does not run, and what ran before does.
    NotApplied { what: What, refusal: Box<Refusal> },
    /// Some folder cannot be watched.
    CannotWatch { reason: String },
}

/// What was saved.
#[derive(Debug)]
pub enum What {
    /// The components of these roles were built; none: somebody else has made one.
    Components(Vec<RoleName>),
    /// The definition, in this file.
    Definition(String),
    /// The configuration, in this file.
    Configuration(String),
    /// What was saved before.
    Before,
}
