//! The roles of a service definition, and where `run` looks for the component of each.

use std::path::{Path, PathBuf};

use wasm_roles_service_model::{
    Options, Role, RoleKind, RoleName, Site, Source, VirtualDirectory, load, render,
};

use crate::workshop::OpenError;

/// A role that may have sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DefinedRole {
    pub(crate) name: RoleName,
    /// Relative to the folder of the definition.
    pub(crate) component: PathBuf,
    /// It can do without a component: a web role whose sites are files.
    pub(crate) is_site: bool,
}

/// Reads the roles of a definition. What its configuration says does not matter here.
pub(crate) fn roles(definition: &Path) -> Result<Vec<DefinedRole>, OpenError> {
    let name = definition.display().to_string();
    let bytes = std::fs::read(definition)
        .map_err(|error| OpenError::Unreadable { file: definition.to_owned(), error })?;
    let source = Source::decode(name.as_str(), &bytes)
        .map_err(|error| OpenError::NoText { file: definition.to_owned(), why: error.to_string() })?;
    let outcome = load(&source, None, &Options::default());
    let Some(model) = &outcome.model else {
        let problems = render(&outcome.diagnostics, &outcome.sources(&source, None), false);
        return Err(OpenError::WrongDefinition { file: definition.to_owned(), problems });
    };
    model.roles().iter().map(|role| defined(role, definition)).collect()
}

fn has_files(site: &Site) -> bool {
    site.physical_directory.is_some() || site.virtual_directories.iter().any(has_some)
}

fn has_some(directory: &VirtualDirectory) -> bool {
    directory.physical_directory.is_some() || directory.children.iter().any(has_some)
}

fn defined(role: &Role, definition: &Path) -> Result<DefinedRole, OpenError> {
    let file = role.entry_point.component(&role.name).ok_or_else(|| OpenError::EntryPointOutside {
        file: definition.to_owned(),
        role: role.name.clone(),
    })?;
    Ok(DefinedRole {
        name: role.name.clone(),
        component: Path::new(role.name.as_str()).join(file),
        is_site: role.kind == RoleKind::Web && role.sites.iter().any(has_files),
    })
}
