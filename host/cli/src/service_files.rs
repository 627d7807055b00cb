//! The two files that describe a service: which ones, and what is in them.

use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::Source;

use crate::failure::Failure;

const A_CONFIGURATION: &str = "service configuration";
const DEFINITION: &str = "ServiceDefinition.csdef";
/// Looked for beside the definition, in this order.
pub const CONFIGURATIONS: [&str; 2] = ["ServiceConfiguration.Local.cscfg", "ServiceConfiguration.cscfg"];

/// A service as its files have it.
pub struct ServiceFiles {
    pub definition: Source,
    pub configuration: Option<Source>,
    /// Whether the configuration was found beside the definition, because none was named.
    pub found: bool,
    /// The folder of the definition.
    pub folder: PathBuf,
    /// The definition's file.
    pub definition_file: PathBuf,
}

/// The definition that the user means: the one that was named, or else the only one in the current folder.
pub fn definition(named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(named) => Ok(named.to_owned()),
        None => only_definition(Path::new(".")),
    }
}

fn only_definition(folder: &Path) -> Result<PathBuf, Failure> {
    let unreadable = |error| Failure::new(format!("the current folder cannot be read: {error}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = PathBuf::from(entry.map_err(unreadable)?.file_name());
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csdef")) {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::with_hint(
            "there is no service definition in the current folder",
            "name one, such as path/to/ServiceDefinition.csdef; `wasm-roles new` makes a service",
        )),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::with_hint(
                format!("there are several service definitions in the current folder: {}", names.join(", ")),
                "name the one that you mean",
            ))
        }
    }
}

/// Reads the definition and its configuration; without `configuration` the one beside the definition, if there is one.
pub fn read(definition: &Path, configuration: Option<&Path>) -> Result<ServiceFiles, Failure> {
    let folder = definition.parent().unwrap_or(Path::new("")).to_owned();
    let found = match configuration {
        Some(given) => Some(given.to_owned()),
        None => CONFIGURATIONS.iter().map(|name| folder.join(name)).find(|file| file.is_file()),
    };
    Ok(ServiceFiles {
        definition: read_one(definition, "service definition")?,
        configuration: found.map(|file| read_one(&file, A_CONFIGURATION)).transpose()?,
        found: configuration.is_none(),
        folder,
        definition_file: definition.to_owned(),
    })
}

/// Reads a configuration by itself.
pub fn read_configuration(file: &Path) -> Result<Source, Failure> {
    read_one(file, A_CONFIGURATION)
}

fn read_one(file: &Path, what: &str) -> Result<Source, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, what, &error))?;
    Source::decode(name.as_str(), &bytes).map_err(|error| {
        Failure::with_hint(format!("the {what} {name} is no text: {error}"), "save it as UTF-8 or UTF-16")
    })
}

fn usual_name(what: &str) -> &'static str {
    if what == A_CONFIGURATION { "ServiceConfiguration.cscfg" } else { DEFINITION }
}

fn unreadable(file: &Path, what: &str, error: &io::Error) -> Failure {
    let name = file.display();
    if file.is_dir() {
        let inside = file.join(DEFINITION);
        return Failure::with_hint(
            format!("{name} is a folder, not a {what}"),
            format!("name the file in it, such as {}", inside.display()),
        );
    }
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::with_hint(
            format!("there is no {what} {name}"),
            format!("name a file that exists, such as path/to/{}", usual_name(what)),
        );
    }
    Failure::with_hint(
        format!("the {what} {name} cannot be read: {error}"),
        "check that you may read the file",
    )
}
