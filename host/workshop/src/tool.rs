//! The tools of the languages: where they are looked for, and what to say when they are not there.
//!
//! A tool is looked for in these folders, in this order; the first program of the name counts:
//!
//! 1. `.venv/bin` and `node_modules/.bin` of the source folder,
//! 2. the same of the folders above it, up to the service's,
//! 3. `$VIRTUAL_ENV/bin`,
//! 4. the folders of `PATH`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::project::Project;
use crate::step::Step;

/// Folders of a project that tools are installed into.
const OF_PROJECT: [&str; 2] = [".venv/bin", "node_modules/.bin"];
/// A version is not longer than this, in bytes; the rest is left out.
const MAX_VERSION: usize = 1000;

/// A tool that a recipe asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The name of the program.
    pub program: &'static str,
    /// The arguments with which it prints its version.
    pub version: &'static [&'static str],
    /// How to get it: a sentence that begins with a small letter and has no full stop, such as `install Rust from https://rustup.rs`.
    pub get: &'static str,
}

/// A tool that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of its version, in one line.
    pub version: String,
}

/// The tools of a recipe, by the names it has for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    tools: BTreeMap<&'static str, Tool>,
}

/// A tool is not there, or does not work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{tool} {why}")]
pub struct MissingTool {
    /// What is missing, such as `componentize-py` or `the target wasm32-wasip2 of Rust`.
    pub tool: String,
    /// What is wrong with it, such as `is not installed`.
    pub why: String,
    /// How to get it.
    pub get: String,
}

impl Tools {
    /// With one more tool, under the name that [`Self::step`] gets.
    #[must_use]
    pub fn with(mut self, name: &'static str, tool: Tool) -> Self {
        self.tools.insert(name, tool);
        self
    }

    /// A command with this tool. A tool that was never found stands for a program of this name on the path.
    #[must_use]
    pub fn step(&self, name: &str) -> Step {
        Step::new(self.tools.get(name).map_or_else(|| PathBuf::from(name), |tool| tool.path.clone()))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Tool)> {
        self.tools.iter().map(|(name, tool)| (*name, tool))
    }
}

/// What a tool is asked: the program, its arguments, and the folder in which it is asked, since some are chosen by folder (rustup, pyenv,
/// and others).
type Question = (PathBuf, Vec<&'static str>, PathBuf);

/// Looks for tools. One is asked for its version once in a folder.
#[derive(Debug)]
pub struct ToolSearch {
    /// Folders of every project's own come before these.
    folders: Vec<PathBuf>,
    asked: Mutex<BTreeMap<Question, Result<String, String>>>,
}

impl ToolSearch {
    /// Looks in the folders that the variables of this process name.
    #[must_use]
    pub fn of_process() -> Self {
        let in_venv = std::env::var_os("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::in_folders(in_venv.into_iter().chain(std::env::split_paths(&path)))
    }

    /// Looks in these folders, after those of the project.
    pub fn in_folders(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        // Found here, and run elsewhere.
        let folders = folders.into_iter().filter_map(|folder| std::path::absolute(folder).ok());
        Self { folders: folders.collect(), asked: Mutex::default() }
    }

    /// Where the program is; none when it is nowhere. Says nothing about whether it works.
    pub fn locate(&self, project: &Project, program: impl AsRef<OsStr>) -> Option<PathBuf> {
        let program = program.as_ref();
        let of_project = folders_of(project).into_iter();
        let mut places = of_project.chain(self.folders.iter().cloned()).map(|folder| folder.join(program));
        places.find(|place| is_program(place))
    }

    /// Finds a tool and asks it for its version.
    ///
    /// # Errors
    ///
    /// It is nowhere, or it cannot say its version.
    pub fn find(&self, project: &Project, wanted: &Wanted) -> Result<Tool, MissingTool> {
        let missing = |why: String| MissingTool {
            tool: format!("`{}`", wanted.program),
            why,
            get: wanted.get.to_owned(),
        };
        let path =
            self.locate(project, wanted.program).ok_or_else(|| missing("is not installed".to_owned()))?;
        match self.printed(project, &path, wanted.version) {
            Ok(version) => Ok(Tool { path, version }),
            Err(why) => Err(missing(format!("at {} does not work: {why}", path.display()))),
        }
    }

    /// What a program prints in the folder of the sources, in one line; it is run once for the same arguments. Recipes ask with it for
    /// what is beside a tool.
    ///
    /// # Errors
    ///
    /// Why it prints nothing useful, in words.
    pub fn printed(
        &self,
        project: &Project,
        program: &Path,
        arguments: &[&'static str],
    ) -> Result<String, String> {
        let key = (program.to_owned(), arguments.to_vec(), project.source().to_owned());
        // Held while it runs: whoever wants the same waits for it.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.entry(key).or_insert_with(|| ask(program, arguments, project.source())).clone()
    }
}

fn ask(program: &Path, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    if folder.is_dir() {
        command.current_dir(folder);
    }
    let answer = command.output().map_err(|error| error.to_string())?;
    let line = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes.get(..MAX_VERSION).unwrap_or(bytes)).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    if answer.status.success() {
        // Some programs tell their version on standard error.
        let printed = line(&answer.stdout);
        return Ok(if printed.is_empty() { line(&answer.stderr) } else { printed });
    }
    let arguments = arguments.join(" ");
    Err(format!("`{arguments}` ends with {}: {}", answer.status, line(&answer.stderr)))
}

/// The source folder, then those above it up to the service's; with each the places of its tools.
fn folders_of(project: &Project) -> Vec<PathBuf> {
    let service = project.service();
    let inside = project.source().ancestors().take_while(|folder| folder.starts_with(service));
    let mut folders: Vec<&Path> = inside.collect();
    if folders.is_empty() {
        // Sources that lie elsewhere.
        folders = vec![project.source(), service];
    }
    folders.iter().flat_map(|folder| OF_PROJECT.map(|place| folder.join(place))).collect()
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use wasm_roles_service_model::RoleName;

    const WANTED: Wanted = Wanted { program: "tool", version: &["--version"], get: "install it" };

    fn program(folder: &Path, script: &str) {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join("tool");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn project(service: &Path) -> Project {
        let source = service.join("roles/Web");
        Project::new(service.to_owned(), source, RoleName::new("Web").unwrap())
    }

    #[test]
    fn a_tool_of_the_project_comes_before_one_of_the_machine_and_the_nearest_first() {
        let folder = tempfile::tempdir().unwrap();
        let service = folder.path().join("service");
        let machine = folder.path().join("bin");
        let search = ToolSearch::in_folders([folder.path().join("none"), machine.clone()]);
        let project = project(&service);
        assert_eq!(search.locate(&project, "tool"), None);
        for place in [
            machine,
            service.join("node_modules/.bin"),
            service.join(".venv/bin"),
            service.join("roles/Web/node_modules/.bin"),
        ] {
            program(&place, "true");
            assert_eq!(search.locate(&project, "tool"), Some(place.join("tool")));
        }
        program(&folder.path().join(".venv/bin"), "true");
        let found = search.locate(&project, "tool").unwrap();
        assert!(found.starts_with(&service), "what lies above the service is nobody's: {found:?}");
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_tool() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tool"), "#!/bin/sh\n").unwrap();
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        assert_eq!(search.locate(&project(folder.path()), "tool"), None);
    }

    #[test]
    fn a_tool_is_asked_once_for_its_version_which_may_come_on_either_stream() {
        let folder = tempfile::tempdir().unwrap();
        let service = folder.path().join("service");
        program(folder.path(), "echo asked >> \"$0.log\"; echo 'tool  1.2' >&2");
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        for _ in 0..2 {
            assert_eq!(search.find(&project(&service), &WANTED).unwrap().version, "tool 1.2");
        }
        assert_eq!(fs::read_to_string(folder.path().join("tool.log")).unwrap(), "asked\n");
    }

    #[test]
    fn a_tool_is_asked_in_the_folder_of_the_sources() {
        let folder = tempfile::tempdir().unwrap();
        let service = folder.path().canonicalize().unwrap().join("service");
        program(folder.path(), "pwd");
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        for role in ["One", "Two"] {
            let source = service.join("roles").join(role);
            fs::create_dir_all(&source).unwrap();
            let project = Project::new(service.clone(), source.clone(), RoleName::new(role).unwrap());
            assert_eq!(search.find(&project, &WANTED).unwrap().version, source.display().to_string());
        }
    }

    #[test]
    fn a_folder_of_the_path_that_is_relative_is_meant_from_here() {
        let search = ToolSearch::in_folders([PathBuf::from("../../host/workshop"), PathBuf::new()]);
        assert!(search.folders.iter().all(|folder| folder.is_absolute()), "{search:?}");
        assert_eq!(search.folders.len(), 1, "an empty one is none");
    }

    #[test]
    fn what_is_missing_or_broken_is_said_with_the_way_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        let service = folder.path().join("service");
        let missing = search.find(&project(&service), &WANTED).unwrap_err();
        assert_eq!(
            (missing.to_string().as_str(), missing.get.as_str()),
            ("`tool` is not installed", "install it")
        );
        program(folder.path(), "echo broken >&2; exit 3");
        let broken = search.find(&project(&service), &WANTED).unwrap_err().to_string();
        assert!(broken.contains("does not work") && broken.contains("broken"), "{broken}");
    }
}
