//! Web sites of a web role (facts: section 2.8).

use super::{BindingName, EndpointId, SiteName, VirtualDirectoryName};
use crate::Span;

/// A web site of a web role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Unique in its role without regard to ASCII case.
    pub name: SiteName,
    /// `physicalDirectory`: where its static content is, absolute or relative to the definition file; without one it
    /// has none.
    pub physical_directory: Option<String>,
    /// What stands below the site's root, in the order of the definition.
    pub virtual_directories: Vec<VirtualDirectory>,
    /// The endpoints that it answers on, at least one. No two bindings of a role have the endpoint and the host in
    /// common.
    pub bindings: Vec<Binding>,
    /// Where the definition declares it.
    pub span: Span,
}

/// A directory or an application below a site or below another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualDirectory {
    /// Which of the two.
    pub kind: VirtualDirectoryKind,
    /// Its part of the path, unique beside its neighbours without regard to ASCII case.
    pub name: VirtualDirectoryName,
    /// Where its static content is, absolute or relative to the definition file; without one it has none, and hides
    /// what the directory around it has of its name.
    pub physical_directory: Option<String>,
    /// What stands below it, in the order of the definition.
    pub children: Vec<VirtualDirectory>,
    /// Where the definition declares it.
    pub span: Span,
}

/// Directory or application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VirtualDirectoryKind {
    /// `VirtualDirectory`: files for the application around it.
    Directory,
    /// `VirtualApplication`: an application of its own.
    Application,
}

/// A site's claim to an endpoint of its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// `Binding/@name`.
    pub name: BindingName,
    /// The endpoint, of the same role.
    pub endpoint: EndpointId,
    /// `hostHeader`: answer only requests for this host, never empty. ASCII case, a port
    /// and a dot at its end do not matter.
    pub host_header: Option<String>,
}
