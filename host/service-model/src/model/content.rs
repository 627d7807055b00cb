//! Content that is copied into a role's folder (facts: section 2.8).

use crate::Span;

/// `Content`: a directory that is copied, with everything in it, when the role is prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Where to, relative to the role's folder.
    pub destination: String,
    /// `SourceDirectory/@path`: where from, as written: absolute or relative to the definition
    /// file, perhaps with variables of the machine that prepares the role.
    pub source_directory: String,
    /// Where the definition declares it.
    pub span: Span,
}
