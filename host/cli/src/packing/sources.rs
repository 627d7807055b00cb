//! What a definition refers to on disk.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use wasm_roles_control_interface::package::APPROOTS;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_service_plan::{Plan, PlannedRole, RoleName, Span};

use super::walk::Links;
use super::{in_service, text};
use crate::failure::{Failure, Reason};

/// The files and folders of a service, without the two files that describe it.
pub struct Sources {
    /// The nearest folder that holds the definition's folder and everything that is reached from it.
    root: PathBuf,
    /// Folders that are packed with everything in them.
    pub folders: BTreeMap<PathBuf, Links>,
    /// Components beside the definition or in folders there. They are packed as files, also where they are links.
    pub components: Vec<PathBuf>,
    /// Components in folders that were named for roles.
    named: Vec<(RoleName, PathBuf)>,
}

impl Sources {
    /// Finds them for every role. `folder` is the definition's, without links in its path; `given` is the same as the user
    /// wrote it, which `approots` begin with too.
    pub fn of(plan: &Plan, approots: &Approots, given: &Path, folder: &Path) -> Result<Self, Failure> {
        let mut sources = Self {
            root: folder.to_owned(),
            folders: BTreeMap::new(),
            components: Vec::new(),
            named: Vec::new(),
        };
        let mut problems = Vec::new();
        for role in &plan.roles {
            let is_named = approots.named_roles().any(|named| *named == role.name);
            let own = folder.join(role.name.as_str());
            if !is_named && own.is_dir() {
                sources.folders.insert(own, Links::LeaveOut);
            }
            for component in components(role, approots, &mut problems) {
                if is_named {
                    sources.named.push((role.name.clone(), component));
                } else if let Ok(below) = component.strip_prefix(given) {
                    sources.components.push(lexical(&folder.join(below)));
                }
            }
            for (written, span, what) in named_folders(role) {
                match reached(folder, written, span, what) {
                    Ok(place) => sources.reach(place, what.links()),
                    Err(reason) => problems.push(reason),
                }
            }
        }
        if problems.is_empty() { Ok(sources) } else { Err(Failure::of(problems)) }
    }

    fn reach(&mut self, place: PathBuf, links: Links) {
        self.root = common(&self.root, &place);
        // What one use of it refuses is refused.
        let known = self.folders.entry(place).or_insert(links);
        *known = (*known).max(links);
    }

    /// The name in the package of what has this place on disk.
    pub fn inside(&self, place: &Path) -> Result<String, Failure> {
        match place.strip_prefix(&self.root) {
            Ok(relative) => in_service(relative),
            Err(_) => {
                let (place, root) = (place.display(), self.root.display());
                Err(Failure::new(format!("{place} is not below {root}, so it has no place in the package")))
            }
        }
    }

    /// Components in folders that were named for roles, with their names in the package.
    pub fn in_named(&self, named: &[(RoleName, PathBuf)]) -> Result<Vec<(PathBuf, String)>, Failure> {
        let mut files = Vec::new();
        for (role, file) in &self.named {
            let folder = named.iter().rev().find(|(of, _)| of == role).map(|(_, folder)| folder);
            if let Some(below) = folder.and_then(|folder| file.strip_prefix(folder).ok()) {
                files.push((file.clone(), format!("{APPROOTS}/{role}/{}", text(&lexical(below))?)));
            }
        }
        Ok(files)
    }
}

/// The components of a role and of its start-up tasks. Those that are missing are problems.
fn components(role: &PlannedRole, approots: &Approots, problems: &mut Vec<Reason>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    match approots.find(role, Path::is_file) {
        Ok(file) => found.push(file),
        Err(missing) => problems.push(Reason::new(&missing, missing.hint())),
    }
    for task in &role.startup_tasks {
        match approots.find_task(role, task, Path::is_file) {
            Ok(file) => found.push(file),
            Err(missing) => problems.push(Reason::new(&missing, missing.hint())),
        }
    }
    found
}

/// Why a folder is named.
#[derive(Clone, Copy)]
enum What {
    Content,
    Site,
}

impl What {
    const fn links(self) -> Links {
        match self {
            Self::Content => Links::Refuse,
            Self::Site => Links::LeaveOut,
        }
    }

    const fn written_as(self) -> &'static str {
        match self {
            Self::Content => "SourceDirectory",
            Self::Site => "physicalDirectory",
        }
    }
}

/// The folders that the definition names for a role, as it has them.
fn named_folders(role: &PlannedRole) -> Vec<(&str, &Span, What)> {
    let contents =
        role.contents.iter().map(|content| (content.source_directory.as_str(), &content.span, What::Content));
    let places = role.sites.iter().flat_map(|site| site.root.all());
    let sites =
        places.filter_map(|(_, place)| Some((place.physical_directory.as_deref()?, &place.span, What::Site)));
    contents.chain(sites).collect()
}

/// The folder that is meant, seen from the definition's.
fn reached(folder: &Path, written: &str, span: &Span, what: What) -> Result<PathBuf, Reason> {
    let (written, attribute) = (written.trim(), what.written_as());
    // Definitions come from Windows: a backslash separates, and `C:` begins an absolute path.
    let path = PathBuf::from(written.replace('\\', "/"));
    if path.is_absolute() || written.contains([':', '%']) {
        let message = format!(
            "{span}: {attribute} `{written}` means something on this machine only, so it cannot be packed"
        );
        return Err(Reason::new(
            message,
            "put the files beside the definition, and name them by a relative path",
        ));
    }
    let place = lexical(&folder.join(path));
    if place.is_dir() {
        return Ok(place);
    }
    let message = format!("{span}: there is no folder {} for {attribute} `{written}`", place.display());
    Err(Reason::new(message, "put the files there, or name another folder"))
}

/// Without `.` and `..`: the place that the packed tree has for it.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// The nearest folder that holds both.
fn common(one: &Path, other: &Path) -> PathBuf {
    let shared = one.components().zip(other.components()).take_while(|(one, other)| one == other);
    shared.map(|(part, _)| part).collect()
}
