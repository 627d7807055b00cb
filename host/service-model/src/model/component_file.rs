//! The file of a component, as an entry point or a command line names it.
//!
//! | written | file, in the role's folder |
//! |---|---|
//! | no entry point | `<RoleName>.wasm` |
//! | `NetFxEntryPoint assemblyName="X.dll"` | `X.wasm` |
//! | `ProgramEntryPoint commandLine="bin\w.wasm a b"` | `bin/w.wasm` |
//! | `ProgramEntryPoint commandLine="w.exe a b"`, or `.cmd`, or no extension | `w.wasm`: a native command stands for the component of the same stem |

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::{EntryPoint, RoleName};

/// Extensions of native programs. Only these are replaced: the dot of `Contoso.Worker` belongs to the name.
const PROGRAMS: [&str; 6] = ["exe", "dll", "cmd", "bat", "ps1", "com"];

impl EntryPoint {
    /// The file of the component of `role`, relative to its folder; none when what is written leads out of it.
    #[must_use]
    pub fn component(&self, role: &RoleName) -> Option<PathBuf> {
        match self {
            Self::Default => Some(PathBuf::from(format!("{role}.wasm"))),
            Self::Assembly { name } => component_file(name),
            Self::Program { command, .. } => component_file(command),
        }
    }
}

/// The component that the first word of a command line stands for, relative to the role's folder; none when it leads out of it.
#[must_use]
pub fn component_file(command: &str) -> Option<PathBuf> {
    let path = path_inside(command)?;
    path.file_name()?;
    let is_component = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"));
    Some(if is_component { path } else { with_wasm(&path) })
}

/// `text` as a path relative to a folder, in which it stays. Definitions come from Windows; on other systems a backslash
/// would be part of a file's name, and `C:` a folder.
#[must_use]
pub fn path_inside(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text.replace('\\', "/"));
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (inside && !text.contains(':')).then_some(path)
}

/// The component that stands for a native file.
fn with_wasm(path: &Path) -> PathBuf {
    let is_program = |extension: &OsStr| PROGRAMS.iter().any(|known| extension.eq_ignore_ascii_case(known));
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

    fn program(command: &str) -> EntryPoint {
        EntryPoint::Program { command: command.to_owned(), arguments: vec![] }
    }

    fn assembly(name: &str) -> EntryPoint {
        EntryPoint::Assembly { name: name.to_owned() }
    }

    #[test]
    fn the_entry_point_names_the_file() {
        let web = RoleName::new("Web").unwrap();
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
            assert_eq!(entry.component(&web).as_deref(), Some(Path::new(file)), "{entry:?}");
        }
    }

    #[test]
    fn an_entry_point_cannot_lead_out_of_the_folder() {
        for entry in ["../w.wasm", r"..\w.exe", "/etc/w.wasm", r"C:\w.exe", "a/../../w.wasm", "", ".."] {
            assert_eq!(component_file(entry), None, "{entry:?}");
        }
    }
}
