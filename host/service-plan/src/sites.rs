//! Sites: where each of them answers (facts: section 2.8).
//!
//! A web role without `Sites` has one site, called [`LEGACY_SITE`], on each of its input endpoints that speaks HTTP. What only
//! the role's own deployment reaches, an internal endpoint for HTTP, is bound by no site in most definitions: then the role's
//! handler answers there, without files.

use wasm_roles_service_model::{Binding, Role, RoleKind, Site, Span, VirtualDirectory, VirtualDirectoryKind};

use crate::types::{EndpointKind, Protocol, RoleEndpoint};

/// The name of the site that a web role without `Sites` has; the platform's tools called theirs so.
pub const LEGACY_SITE: &str = "Web";

/// A web site of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedSite {
    /// Unique in its role.
    pub name: String,
    /// Where it answers. A binding of an endpoint that does not speak HTTP stands here too, and nobody serves it.
    pub bindings: Vec<PlannedBinding>,
    /// What is at its root and below.
    pub root: PlannedPlace,
}

/// A site's claim to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedBinding {
    /// The role's endpoint.
    pub endpoint: String,
    /// Where the instances listen.
    pub port: u16,
    /// Only requests for this host; `None`: for every host that no other binding of the endpoint names.
    pub host: Option<String>,
}

/// The root of a site, or a virtual directory or application below it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedPlace {
    /// Its part of the path; empty for the root.
    pub name: String,
    /// Directory or application; the root is an application.
    pub kind: VirtualDirectoryKind,
    /// Where its files are, absolute or relative to the definition's folder, as the definition has it.
    pub physical_directory: Option<String>,
    /// What is below it, in the order of the definition.
    pub children: Vec<PlannedPlace>,
    /// Where the definition declares it.
    pub span: Span,
}

impl PlannedPlace {
    /// It and everything below it, with their paths: `/` and `/app/images`.
    pub fn all(&self) -> Vec<(String, &PlannedPlace)> {
        let mut found = vec![("/".to_owned(), self)];
        self.below("", &mut found);
        found
    }

    fn below<'a>(&'a self, path: &str, found: &mut Vec<(String, &'a PlannedPlace)>) {
        for child in &self.children {
            let path = format!("{path}/{}", child.name);
            found.push((path.clone(), child));
            child.below(&path, found);
        }
    }

    /// Whether it or anything below it has files.
    pub fn has_files(&self) -> bool {
        self.physical_directory.is_some() || self.children.iter().any(PlannedPlace::has_files)
    }
}

/// The sites of a role; none for a worker role.
pub(crate) fn sites(role: &Role, endpoints: &[RoleEndpoint]) -> Vec<PlannedSite> {
    match role.kind {
        RoleKind::Worker => Vec::new(),
        RoleKind::Web if role.sites.is_empty() => vec![legacy(role, endpoints)],
        RoleKind::Web => role.sites.iter().map(|site| declared(site, endpoints)).collect(),
    }
}

fn declared(site: &Site, endpoints: &[RoleEndpoint]) -> PlannedSite {
    let bound = |binding: &Binding| {
        let endpoint = endpoints.get(binding.endpoint.position())?;
        Some(PlannedBinding {
            endpoint: endpoint.name.clone(),
            port: endpoint.port,
            host: binding.host_header.clone(),
        })
    };
    PlannedSite {
        name: site.name.to_string(),
        bindings: site.bindings.iter().filter_map(bound).collect(),
        root: PlannedPlace {
            name: String::new(),
            kind: VirtualDirectoryKind::Application,
            physical_directory: site.physical_directory.clone(),
            children: site.virtual_directories.iter().map(place).collect(),
            span: site.span.clone(),
        },
    }
}

fn place(directory: &VirtualDirectory) -> PlannedPlace {
    PlannedPlace {
        name: directory.name.to_string(),
        kind: directory.kind,
        physical_directory: directory.physical_directory.clone(),
        children: directory.children.iter().map(place).collect(),
        span: directory.span.clone(),
    }
}

fn legacy(role: &Role, endpoints: &[RoleEndpoint]) -> PlannedSite {
    let speaks_http = |endpoint: &&RoleEndpoint| {
        endpoint.kind == EndpointKind::Input && matches!(endpoint.protocol, Protocol::Http | Protocol::Https)
    };
    let binding = |endpoint: &RoleEndpoint| PlannedBinding {
        endpoint: endpoint.name.clone(),
        port: endpoint.port,
        host: None,
    };
    PlannedSite {
        name: LEGACY_SITE.to_owned(),
        bindings: endpoints.iter().filter(speaks_http).map(binding).collect(),
        root: PlannedPlace {
            name: String::new(),
            kind: VirtualDirectoryKind::Application,
            physical_directory: None,
            children: Vec::new(),
            span: role.span.clone(),
        },
    }
}
