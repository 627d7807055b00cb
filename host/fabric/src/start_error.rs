//! Why a deployment does not start.

use std::fmt;
use std::path::PathBuf;

use wasm_roles_role_runtime::LoadError;
use wasm_roles_service_plan::{Port, RoleName, Span};

use crate::approot::{ComponentMissing, TaskMissing};
use crate::certificates::{CertificateError, NotProvided};
use crate::contents::ContentError;
use crate::overlap::FolderShown;
use crate::publish::PublishError;
use crate::sites::SiteDirectoryError;
use crate::variables::VariableError;

/// Why a deployment does not start: everything that could be found out in one go. Nothing is left running.
#[derive(Debug)]
pub struct StartError {
    problems: Vec<Problem>,
}

impl StartError {
    pub(crate) fn new<P: Into<Problem>>(problems: impl IntoIterator<Item = P>) -> Self {
        Self { problems: problems.into_iter().map(Into::into).collect() }
    }

    /// The problems, at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<NotProvided> for StartError {
    fn from(error: NotProvided) -> Self {
        match error {
            NotProvided::Missing(errors) => Self::new(errors),
            NotProvided::NotShown(file, error) => {
                Self::new([Problem::CertificatesNotShown { file, reason: error.to_string() }])
            }
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        f.write_str(&problems.join("\n"))
    }
}

impl std::error::Error for StartError {}

/// One reason why a deployment does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A folder is named for a role that the definition does not have.
    #[error("there is no role {role} to look for in a folder of its own")]
    UnknownRole {
        /// The name.
        role: RoleName,
        /// The roles that there are.
        known: Vec<RoleName>,
    },
    /// A place is named for a public port that the definition does not have.
    #[error("there is no public port {port} to publish")]
    UnknownPublicPort {
        /// The port.
        port: Port,
        /// The public ports that there are.
        known: Vec<Port>,
    },
    /// A role has no component.
    #[error(transparent)]
    ComponentMissing(#[from] ComponentMissing),
    /// A start-up task has no component.
    #[error(transparent)]
    TaskMissing(#[from] TaskMissing),
    /// The component of a start-up task cannot be run once to its end.
    #[error("{span}: start-up task `{command}` of role {role} is no program: {} exports no wasi:cli/run", file.display())]
    TaskNoProgram {
        /// The role.
        role: RoleName,
        /// The first word of the task's command line.
        command: String,
        /// Where the definition declares the task.
        span: Span,
        /// The component.
        file: PathBuf,
    },
    /// A role would see a folder that is not for it.
    #[error(transparent)]
    FolderShown(#[from] FolderShown),
    /// A content cannot be copied.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The directory of a site cannot be opened.
    #[error(transparent)]
    SiteDirectory(#[from] SiteDirectoryError),
    /// An environment variable has no value.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The component of a role cannot be run.
    #[error("role {role} cannot be loaded: {source}")]
    Load {
        /// The role.
        role: RoleName,
        /// Why.
        source: LoadError,
    },
    /// Compiling the component of a role failed inside this host.
    #[error("role {role} cannot be loaded: the host failed: {reason}")]
    LoadFailed {
        /// The role.
        role: RoleName,
        /// How.
        reason: String,
    },
    /// A certificate that is needed is not there.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The copies of certificates that roles see cannot be made.
    #[error("certificates cannot be shown to roles: {}: {reason}", file.display())]
    CertificatesNotShown {
        /// The file or folder.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A public port cannot listen.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Problem {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownRole { known, .. } => Some(format!("the roles are {}", listed(known))),
            Self::UnknownPublicPort { known, .. } if known.is_empty() => {
                Some("the definition has no input endpoint".to_owned())
            }
            Self::UnknownPublicPort { known, .. } => Some(format!("the public ports are {}", listed(known))),
            Self::ComponentMissing(missing) => Some(missing.hint()),
            Self::TaskMissing(missing) => Some(missing.hint()),
            Self::TaskNoProgram { .. } => Some(
                "a task is a program: a crate with `fn main`, built for the target wasm32-wasip2".to_owned(),
            ),
            Self::FolderShown(shown) => Some(shown.hint()),
            Self::Content(error) => error.hint().map(str::to_owned),
            Self::SiteDirectory(error) => Some(error.hint()),
            Self::Variable(_) => None,
            Self::Load { source, .. } => Some(source.hint().to_owned()),
            Self::LoadFailed { .. } => None,
            Self::Certificate(error) => Some(error.hint()),
            Self::CertificatesNotShown { .. } => None,
            Self::Publish(error) => Some(error.hint()),
        }
    }
}

fn listed(known: &[impl ToString]) -> String {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    known.join(", ")
}
