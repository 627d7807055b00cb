//! The package of a service: its files, put together for a host that may be another machine.
//!
//! Packed is what the definition refers to, and nothing else that lies around it: both files, each role's folder, each
//! component that lies beside the definition, sources of `Contents`, directories of sites, and on request certificates.
//! What a package looks like inside: `wasm_roles_control_interface::package`.
//!
//! | on disk | in the package |
//! |---|---|
//! | what the definition reaches by relative paths, `..` too | `service/`, below the nearest folder that holds all of it |
//! | an absolute `physicalDirectory` or `SourceDirectory` | refused: it means nothing on another machine |
//! | a symbolic link to a file in the same folder | the file |
//! | any other link, a device, a socket | left out of folders of roles and sites, as a role could not follow it either; refused in `Contents` |

mod archive;
mod sources;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wasm_roles_control_interface::package::{
    APPROOTS, CERTIFICATES, CONFIGURATION, FORMAT, Manifest, SERVICE,
};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_service_plan::Plan;

use crate::arguments::PackageArguments;
use crate::failure::Failure;
use crate::service_files::ServiceFiles;
use sources::Sources;
use walk::Links;

/// What goes into a package: where from, by the name that it has inside.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    /// In the order of names, so that the same files give the same package.
    entries: BTreeMap<String, Entry>,
    /// Links and special files that are left out, by the names that they would have.
    left_out: BTreeMap<String, PathBuf>,
}

/// An entry of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    /// The contents of this file.
    File(PathBuf),
}

/// A service, ready to be packed.
#[derive(Debug)]
pub struct Package {
    manifest: Manifest,
    contents: Contents,
}

impl Package {
    /// Finds everything that belongs to a service. Nothing is read yet but folders.
    pub fn of(arguments: &PackageArguments, files: &ServiceFiles, plan: &Plan) -> Result<Self, Failure> {
        let mut approots = Approots::beside(&files.folder);
        for (role, folder) in &arguments.roles.approot {
            approots.name(role.clone(), folder);
        }
        if let Some(unknown) =
            approots.named_roles().find(|named| plan.roles.iter().all(|role| role.name != **named))
        {
            let known: Vec<&str> = plan.roles.iter().map(|role| role.name.as_str()).collect();
            return Err(Failure::with_hint(
                format!("a folder was named for role {unknown}, which the definition does not have"),
                format!("its roles are {}", known.join(", ")),
            ));
        }
        let folder = walk::canonical(&files.folder)?;
        let sources = Sources::of(plan, &approots, &files.folder, &folder)?;
        let mut contents = Contents::default();
        for (source, links) in &sources.folders {
            contents.add_folder(&sources.inside(source)?, source, *links)?;
        }
        for component in &sources.components {
            contents.add_file(sources.inside(component)?, component);
        }
        let definition = sources.inside(&folder.join(file_name(&files.definition_file)?))?;
        contents.add_file(definition.clone(), &files.definition_file);
        let mut named = BTreeMap::new();
        for (role, folder) in &arguments.roles.approot {
            let inside = format!("{APPROOTS}/{role}");
            contents.add_folder(&inside, &walk::canonical(folder)?, Links::LeaveOut)?;
            named.insert(role.to_string(), inside);
        }
        for (file, inside) in sources.in_named(&arguments.roles.approot)? {
            contents.add_file(inside, &file);
        }
        let configuration = match &files.configuration {
            Some(source) => {
                let file = Path::new(&source.name);
                let inside = format!("{CONFIGURATION}/{}", text(&file_name(file)?)?);
                contents.add_file(inside.clone(), file);
                Some(inside)
            }
            None => None,
        };
        let certificates =
            arguments.certificates.as_deref().map(|folder| contents.add_certificates(folder)).transpose()?;
        Ok(Self {
            manifest: Manifest {
                format: FORMAT,
                definition,
                configuration,
                approots: named,
                certificates,
                options: arguments.options(plan)?,
            },
            contents,
        })
    }

    /// Links and special files that are left out.
    pub fn left_out(&self) -> impl Iterator<Item = &Path> {
        self.contents.left_out.values().map(PathBuf::as_path)
    }
}

impl Contents {
    fn add_file(&mut self, inside: String, file: &Path) {
        self.left_out.remove(&inside);
        self.entries.insert(inside, Entry::File(file.to_owned()));
    }

    /// Everything in the folder `from`, below `inside`.
    fn add_folder(&mut self, inside: &str, from: &Path, links: Links) -> Result<(), Failure> {
        self.entries.entry(inside.to_owned()).or_insert(Entry::Folder);
        let found = walk::everything(from, links)?;
        for (name, entry) in found.entries {
            self.entries.insert(format!("{inside}/{name}"), entry);
        }
        self.left_out
            .extend(found.left_out.into_iter().map(|(name, path)| (format!("{inside}/{name}"), path)));
        Ok(())
    }

    /// The files of a folder that can be certificates. Other files of it are nobody's business.
    fn add_certificates(&mut self, folder: &Path) -> Result<String, Failure> {
        self.entries.insert(CERTIFICATES.to_owned(), Entry::Folder);
        for file in walk::files_of(folder)? {
            let is_one = file.extension().is_some_and(|extension| {
                ["pem", "crt", "cer", "key"].iter().any(|known| extension.eq_ignore_ascii_case(known))
            });
            if is_one {
                let name = text(&file_name(&file)?)?;
                self.add_file(format!("{CERTIFICATES}/{name}"), &file);
            }
        }
        Ok(CERTIFICATES.to_owned())
    }
}

fn file_name(file: &Path) -> Result<PathBuf, Failure> {
    let name = file.file_name().map(PathBuf::from);
    name.ok_or_else(|| Failure::new(format!("{} names no file", file.display())))
}

/// A path of the package: UTF-8, with `/`.
fn text(path: &Path) -> Result<String, Failure> {
    let parts = path.components().map(|part| part.as_os_str().to_str());
    let parts: Option<Vec<&str>> = parts.collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| {
        Failure::with_hint(
            format!("the name {} is no UTF-8, so it cannot be packed", path.display()),
            "rename it, or put it out of the folder",
        )
    })
}

/// A path below [`SERVICE`].
fn in_service(relative: &Path) -> Result<String, Failure> {
    let relative = text(relative)?;
    Ok(if relative.is_empty() { SERVICE.to_owned() } else { format!("{SERVICE}/{relative}") })
}

#[cfg(test)]
mod tests;
