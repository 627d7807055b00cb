//! Where the component of a role lies.
//!
//! | the role says | the file is |
//! |---|---|
//! | nothing | `<RoleName>.wasm` |
//! | `NetFxEntryPoint assemblyName="X.dll"` | `X.wasm` |
//! | `ProgramEntryPoint commandLine="bin\w.wasm a b"` | `bin/w.wasm` |
//! | `ProgramEntryPoint commandLine="w.exe a b"`, or `.cmd`, or no extension | `w.wasm`: a native command stands for the component of the same stem |
//!
//! It is looked for in the folder that the user names for the role; without one in `<definition's folder>/<RoleName>/`,
//! then in the definition's folder itself. A file name that leads out of these folders is refused.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use wasm_roles_service_plan::{EntryPoint, PlannedRole, RoleName};

/// The folders where components are looked for.
#[derive(Clone, Debug, Default)]
pub struct Approots {
    definition_folder: PathBuf,
    named: BTreeMap<RoleName, PathBuf>,
}

/// A role has no component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentMissing {
    /// There is no such file.
    #[error("role {role} has no component: {}", not_found(looked_for))]
    NotFound {
        /// The role.
        role: RoleName,
        /// Every place, in the order in which they were looked at; at least one.
        looked_for: Vec<PathBuf>,
        /// The entry point of the definition, when it names another file than the one looked for.
        stands_for: Option<String>,
    },
    /// The entry point leads out of the role's folder.
    #[error("the entry point `{entry}` of role {role} leads out of the role's folder")]
    Outside {
        /// The role.
        role: RoleName,
        /// The entry point as the definition has it.
        entry: String,
    },
}

fn not_found(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    match places.as_slice() {
        [only] => format!("there is no file {only}"),
        _ => format!("there is neither {}", places.join(" nor ")),
    }
}

impl ComponentMissing {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound { role, stands_for: None, .. } => {
                format!("put the component there, or name its folder with `--approot {role}=DIR`")
            }
            Self::NotFound { role, stands_for: Some(entry), .. } => format!(
                "`{entry}` stands for the component of the same stem: put it there, or name its folder with \
                 `--approot {role}=DIR`"
            ),
            Self::Outside { .. } => "name a file in the role's folder or below it".to_owned(),
        }
    }
}

/// The file that an entry point means.
struct Wanted {
    file: PathBuf,
    /// The entry point as written, when it names another file.
    stands_for: Option<String>,
}

impl Approots {
    /// Components lie beside the definition, which is in this folder.
    #[must_use]
    pub fn beside(definition_folder: impl Into<PathBuf>) -> Self {
        Self { definition_folder: definition_folder.into(), named: BTreeMap::new() }
    }

    /// The component of `role` lies in `folder` and nowhere else.
    pub fn name(&mut self, role: RoleName, folder: impl Into<PathBuf>) {
        self.named.insert(role, folder.into());
    }

    /// The roles whose folders were named.
    pub fn named_roles(&self) -> impl Iterator<Item = &RoleName> {
        self.named.keys()
    }

    /// The component of `role`; `is_file` answers for the file system.
    ///
    /// # Errors
    ///
    /// See [`ComponentMissing`].
    pub fn find(
        &self,
        role: &PlannedRole,
        is_file: impl Fn(&Path) -> bool,
    ) -> Result<PathBuf, ComponentMissing> {
        let Wanted { file, stands_for } = wanted(&role.name, &role.entry)?;
        let looked_for = self.places(&role.name, &file);
        match looked_for.iter().find(|place| is_file(place)) {
            Some(found) => Ok(found.clone()),
            None => Err(ComponentMissing::NotFound { role: role.name.clone(), looked_for, stands_for }),
        }
    }

    fn places(&self, role: &RoleName, file: &Path) -> Vec<PathBuf> {
        match self.named.get(role) {
            Some(folder) => vec![folder.join(file)],
            None => {
                vec![self.definition_folder.join(role.as_str()).join(file), self.definition_folder.join(file)]
            }
        }
    }
}

/// The words after the program's name on the command line of a role's instances.
pub(crate) fn arguments(entry: &EntryPoint) -> &[String] {
    match entry {
        EntryPoint::Program { arguments, .. } => arguments,
        EntryPoint::Default | EntryPoint::Assembly { .. } => &[],
    }
}

fn wanted(role: &RoleName, entry: &EntryPoint) -> Result<Wanted, ComponentMissing> {
    match entry {
        EntryPoint::Default => Ok(Wanted { file: PathBuf::from(format!("{role}.wasm")), stands_for: None }),
        EntryPoint::Assembly { name } => of_entry(role, name),
        EntryPoint::Program { command, .. } => of_entry(role, command),
    }
}

fn of_entry(role: &RoleName, entry: &str) -> Result<Wanted, ComponentMissing> {
    let outside = || ComponentMissing::Outside { role: role.clone(), entry: entry.to_owned() };
    // Definitions come from Windows; on other systems a backslash would be part of a file's name.
    let path = PathBuf::from(entry.replace('\\', "/"));
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // `C:` is a drive on Windows and must not become a folder elsewhere.
    if !inside || entry.contains(':') || path.file_name().is_none() {
        return Err(outside());
    }
    let is_component = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"));
    if is_component {
        return Ok(Wanted { file: path, stands_for: None });
    }
    Ok(Wanted { file: with_wasm(&path), stands_for: Some(entry.to_owned()) })
}

/// The component that stands for a native file. Only extensions of programs are replaced: the dot of `Contoso.Worker`
/// belongs to the name.
fn with_wasm(path: &Path) -> PathBuf {
    const PROGRAMS: [&str; 6] = ["exe", "dll", "cmd", "bat", "ps1", "com"];
    let is_program =
        |extension: &std::ffi::OsStr| PROGRAMS.iter().any(|known| extension.eq_ignore_ascii_case(known));
    if path.extension().is_some_and(is_program) {
        return path.with_extension("wasm");
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".wasm");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleName {
        RoleName::new(name).unwrap()
    }

    fn program(command: &str) -> EntryPoint {
        EntryPoint::Program { command: command.to_owned(), arguments: vec![] }
    }

    fn assembly(name: &str) -> EntryPoint {
        EntryPoint::Assembly { name: name.to_owned() }
    }

    #[test]
    fn the_entry_point_names_the_file() {
        let cases = [
            (EntryPoint::Default, "Web.wasm"),
            (assembly("Worker.dll"), "Worker.wasm"),
            (assembly("Contoso.Worker"), "Contoso.Worker.wasm"),
            (program("w.wasm"), "w.wasm"),
            (program(r"bin\W.WASM"), "bin/W.WASM"),
            (program("run.CMD"), "run.wasm"),
            (program(r".\bin\node.exe"), "./bin/node.wasm"),
            (program("worker"), "worker.wasm"),
        ];
        for (entry, file) in cases {
            let wanted = wanted(&role("Web"), &entry).unwrap();
            assert_eq!(wanted.file, Path::new(file), "{entry:?}");
        }
    }

    #[test]
    fn an_entry_point_cannot_lead_out_of_the_folder() {
        for entry in ["../w.wasm", r"..\w.exe", "/etc/w.wasm", r"C:\w.exe", "a/../../w.wasm", "", ".."] {
            assert!(
                matches!(wanted(&role("Web"), &program(entry)), Err(ComponentMissing::Outside { .. })),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_named_folder_is_the_only_place() {
        let mut approots = Approots::beside("svc");
        let file = Path::new("Web.wasm");
        let beside = [PathBuf::from("svc/Web/Web.wasm"), PathBuf::from("svc/Web.wasm")];
        assert_eq!(approots.places(&role("Web"), file), beside);
        approots.name(role("Web"), "out");
        assert_eq!(approots.places(&role("Web"), file), [PathBuf::from("out/Web.wasm")]);
    }

    #[test]
    fn a_missing_file_is_reported_with_every_place_and_a_way_out() {
        let missing = ComponentMissing::NotFound {
            role: role("Web"),
            looked_for: vec![PathBuf::from("svc/Web/run.wasm"), PathBuf::from("svc/run.wasm")],
            stands_for: Some("run.cmd".to_owned()),
        };
        assert_eq!(
            missing.to_string(),
            "role Web has no component: there is neither svc/Web/run.wasm nor svc/run.wasm"
        );
        assert_eq!(
            missing.hint(),
            "`run.cmd` stands for the component of the same stem: put it there, or name its folder with \
             `--approot Web=DIR`"
        );
    }
}
