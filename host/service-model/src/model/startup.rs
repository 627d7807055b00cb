//! Start-up tasks (facts: section 2.7).

use super::EnvironmentVariable;
use crate::Span;

/// A program that runs before the role does, each time that an instance starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupTask {
    /// The first word of `commandLine`: the program's file, relative to the role's folder.
    pub command: String,
    /// The other words.
    pub arguments: Vec<String>,
    /// Who waits for it.
    pub kind: TaskKind,
    /// Its own environment; it sees none of the role's variables.
    pub environment: Vec<EnvironmentVariable>,
    /// Where the definition declares it.
    pub span: Span,
}

/// Who waits for a start-up task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// The next task and the role wait until it has ended; when it fails they do not start. The default.
    #[default]
    Simple,
    /// Nobody waits at the start, but the role cannot stop before it has ended.
    Foreground,
    /// Nobody waits; it is ended with the role.
    Background,
}
