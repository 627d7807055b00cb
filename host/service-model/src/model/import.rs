//! Modules that a role imports.

use super::ModuleName;
use crate::Span;

/// `Import`: a module of the platform. What it adds stands in the role beside what the role declares, under names
/// that start with the module's namespace, e.g. `Microsoft.WindowsAzure.Plugins.RemoteAccess.`; its programs are
/// not run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// Which module. A known one in the platform's spelling.
    pub module: ModuleName,
    /// Where the definition imports it; also the place of everything that it adds.
    pub span: Span,
}
