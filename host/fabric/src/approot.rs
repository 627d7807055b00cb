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
//! then in the definition's folder itself. A file name that leads out of these folders is refused. A role with `Contents`
//! has a folder that was put together for it instead ([`contents`](crate::contents)).
//!
//! Assemblies of a web role are looked for in its folder's `bin` too (facts: section 2.6).
//!
//! The component of a start-up task is found by the first word of its command line, by the same rules. Tasks of a web role are
//! looked for in `bin` first (facts: section 2.7).
//!
//! The role's folder is also what its instances see of the machine: read-only, at [`GUEST_APPROOT`] and as the folder
//! in which relative file names are looked up. The definition's folder is never shown, because it holds the
//! other roles' files and settings: a role whose component lies there alone sees no folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wasm_roles_role_runtime::Preopen;
use wasm_roles_service_plan::{
    EntryPoint, PlannedRole, RoleKind, RoleName, Span, StartupTask, component_file, path_inside,
};

/// The value of `RoleRoot`: the root of the role, as its instances see it.
pub const ROLE_ROOT: &str = "/role";
/// The role's folder, as its instances see it: `approot` below [`ROLE_ROOT`].
pub const GUEST_APPROOT: &str = "/role/approot";

/// The folders where components are looked for.
#[derive(Clone, Debug, Default)]
pub struct Approots {
    definition_folder: PathBuf,
    named: BTreeMap<RoleName, PathBuf>,
    /// Folders that were put together for one deployment, in place of the named ones and those beside the definition.
    built: BTreeMap<RoleName, PathBuf>,
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

/// A start-up task has no component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{span}: start-up task `{command}` of role {role} has no component: {}", no_task(looked_for))]
pub struct TaskMissing {
    /// The role.
    pub role: RoleName,
    /// The first word of the task's command line.
    pub command: String,
    /// Where the definition declares the task.
    pub span: Span,
    /// Every place, in the order in which they were looked at; none when the command leads out of the role's folder.
    pub looked_for: Vec<PathBuf>,
}

fn no_task(places: &[PathBuf]) -> String {
    if places.is_empty() { "it leads out of the role's folder".to_owned() } else { not_found(places) }
}

impl TaskMissing {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self { role, command, looked_for, .. } = self;
        if looked_for.is_empty() {
            return "name a file in the role's folder or below it".to_owned();
        }
        format!(
            "a task is a WebAssembly program; a native command stands for the component of the same stem: put that \
             there, name the role's folder with `--approot {role}=DIR`, or leave `{command}` out of the definition"
        )
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
        Self { definition_folder: definition_folder.into(), ..Self::default() }
    }

    /// The folder of the definition.
    pub(crate) fn definition_folder(&self) -> &Path {
        // The folder of `Service.csdef` is the empty path, which no system call understands.
        if self.definition_folder.as_os_str().is_empty() { Path::new(".") } else { &self.definition_folder }
    }

    /// `folder` was put together for `role`; it has what the role's own folder has.
    pub(crate) fn build(&mut self, role: RoleName, folder: PathBuf) {
        self.built.insert(role, folder);
    }

    /// `role` has the folder that it has in `other`, if it has one there.
    pub(crate) fn take_over(&mut self, role: &RoleName, other: &Self) {
        if let Some(folder) = other.folder(role, Path::is_dir) {
            self.built.insert(role.clone(), folder);
        }
    }

    /// The folders that were put together.
    pub(crate) fn built(&self) -> impl Iterator<Item = &Path> {
        self.built.values().map(PathBuf::as_path)
    }

    /// The folder that belongs to `role` alone, if it has one; `is_folder` answers for the file system.
    pub(crate) fn folder(&self, role: &RoleName, is_folder: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        Some(self.own_folder(role)).filter(|folder| is_folder(folder))
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
        let mut looked_for = self.places(&role.name, &file);
        if role.kind == RoleKind::Web && matches!(role.entry, EntryPoint::Assembly { .. }) {
            looked_for.insert(1, self.own_folder(&role.name).join("bin").join(&file));
        }
        match looked_for.iter().find(|place| is_file(place)) {
            Some(found) => Ok(found.clone()),
            None => Err(ComponentMissing::NotFound { role: role.name.clone(), looked_for, stands_for }),
        }
    }

    /// The component of a start-up task of `role`; `is_file` answers for the file system.
    ///
    /// # Errors
    ///
    /// See [`TaskMissing`].
    pub fn find_task(
        &self,
        role: &PlannedRole,
        task: &StartupTask,
        is_file: impl Fn(&Path) -> bool,
    ) -> Result<PathBuf, TaskMissing> {
        let missing = |looked_for| TaskMissing {
            role: role.name.clone(),
            command: task.command.clone(),
            span: task.span.clone(),
            looked_for,
        };
        let file = component_of(&task.command).ok_or_else(|| missing(Vec::new()))?.file;
        let mut looked_for = self.places(&role.name, &file);
        if role.kind == RoleKind::Web {
            looked_for.insert(0, self.own_folder(&role.name).join("bin").join(&file));
        }
        match looked_for.iter().find(|place| is_file(place)) {
            Some(found) => Ok(found.clone()),
            None => Err(missing(looked_for)),
        }
    }

    /// Where `file` of a role may lie.
    fn places(&self, role: &RoleName, file: &Path) -> Vec<PathBuf> {
        let beside = (!self.named.contains_key(role)).then_some(&self.definition_folder);
        let own = std::iter::once(self.own_folder(role));
        own.chain(beside.cloned()).map(|folder| folder.join(file)).collect()
    }

    /// The folder of `role` alone, which need not be there.
    pub(crate) fn own_folder(&self, role: &RoleName) -> PathBuf {
        let chosen = self.built.get(role).or_else(|| self.named.get(role)).cloned();
        chosen.unwrap_or_else(|| self.definition_folder.join(role.as_str()))
    }
}

/// What an instance sees of a role's folder: the folder itself, and as the place where relative names begin.
pub(crate) fn preopens(folder: &Path) -> [Preopen; 2] {
    [GUEST_APPROOT, "."].map(|guest_path| Preopen {
        guest_path: guest_path.to_owned(),
        directory: folder.to_owned(),
        writable: false,
        quota_bytes: None,
    })
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
    component_of(entry)
        .ok_or_else(|| ComponentMissing::Outside { role: role.clone(), entry: entry.to_owned() })
}

/// The component that the first word of a command line means; none when it leads out of the role's folder.
fn component_of(command: &str) -> Option<Wanted> {
    let file = component_file(command)?;
    let is_itself = path_inside(command).is_some_and(|path| path == file);
    Some(Wanted { file, stands_for: (!is_itself).then(|| command.to_owned()) })
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

    // Which file an entry point names is a rule of the model, with tests there.
    #[test]
    fn the_entry_point_names_the_file() {
        let wanted = wanted(&role("Web"), &program(r"bin\W.WASM")).unwrap();
        assert_eq!(wanted.file, Path::new("bin/W.WASM"));
    }

    #[test]
    fn an_entry_point_cannot_lead_out_of_the_folder() {
        let found = wanted(&role("Web"), &program("../w.wasm"));
        assert!(matches!(found, Err(ComponentMissing::Outside { .. })));
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
    fn a_folder_that_was_put_together_comes_before_the_others() {
        let mut approots = Approots::beside("svc");
        let file = Path::new("Web.wasm");
        approots.build(role("Web"), "data/Web".into());
        let built = PathBuf::from("data/Web/Web.wasm");
        assert_eq!(approots.places(&role("Web"), file), [built.clone(), PathBuf::from("svc/Web.wasm")]);
        approots.name(role("Web"), "out");
        assert_eq!(approots.places(&role("Web"), file), [built]);
        assert_eq!(approots.folder(&role("Web"), |_| true), Some(PathBuf::from("data/Web")));
    }

    #[test]
    fn the_definitions_folder_is_never_the_folder_of_a_role() {
        let approots = Approots::beside("svc");
        let only_definition = |path: &Path| path == Path::new("svc");
        assert_eq!(approots.folder(&role("Web"), only_definition), None);
        assert_eq!(approots.folder(&role("Web"), |_| true), Some(PathBuf::from("svc/Web")));
    }

    fn task_of(kind: &str, command: &str) -> Result<PathBuf, TaskMissing> {
        let plan = crate::test_plans::plan_of(
            &format!(
                r#"<{kind} name="R"><Startup><Task commandLine='{command}' /></Startup><Endpoints>
                    <InputEndpoint name="In" protocol="http" port="80" /></Endpoints></{kind}>"#
            ),
            r#"<Role name="R"><Instances count="1" /></Role>"#,
        );
        let there = ["svc/R/setup.wasm", "svc/R/bin/setup.wasm", "svc/R/tools/x.wasm", "svc/below.wasm"];
        let role = &plan.roles[0];
        Approots::beside("svc")
            .find_task(role, &role.startup_tasks[0], |path| there.iter().any(|file| Path::new(file) == path))
    }

    #[test]
    fn a_task_is_the_component_of_the_same_stem_and_in_bin_first_for_a_web_role() {
        let cases = [
            ("WorkerRole", "setup.cmd /quiet", "svc/R/setup.wasm"),
            ("WorkerRole", r"tools\x.ps1", "svc/R/tools/x.wasm"),
            ("WorkerRole", "below.exe", "svc/below.wasm"),
            ("WebRole", "setup.cmd", "svc/R/bin/setup.wasm"),
            ("WebRole", r"tools\x.exe", "svc/R/tools/x.wasm"),
        ];
        for (kind, command, file) in cases {
            assert_eq!(task_of(kind, command), Ok(PathBuf::from(file)), "{kind} {command}");
        }
    }

    #[test]
    fn an_assembly_of_a_web_role_may_lie_in_bin() {
        let plan = |kind: &str| {
            let runtime = r#"<Runtime><EntryPoint>
                <NetFxEntryPoint assemblyName="Web.dll" targetFrameworkVersion="v4.0" /></EntryPoint></Runtime>"#;
            let endpoints = r#"<Endpoints><InputEndpoint name="In" protocol="http" port="80" /></Endpoints>"#;
            let role = format!(r#"<{kind} name="R">{endpoints}{runtime}</{kind}>"#);
            crate::test_plans::plan_of(&role, r#"<Role name="R"><Instances count="1" /></Role>"#)
        };
        let find = |kind: &str, there: &str| {
            let approots = Approots::beside("svc");
            approots.find(&plan(kind).roles[0], |path| path == Path::new(there)).ok()
        };
        assert_eq!(find("WebRole", "svc/R/bin/Web.wasm"), Some("svc/R/bin/Web.wasm".into()));
        assert_eq!(find("WebRole", "svc/R/Web.wasm"), Some("svc/R/Web.wasm".into()));
        assert_eq!(find("WorkerRole", "svc/R/bin/Web.wasm"), None);
    }

    #[test]
    fn a_missing_task_is_reported_with_its_line_and_every_place() {
        let missing = task_of("WebRole", "install.cmd").unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!(
                "{}: start-up task `install.cmd` of role R has no component: there is neither \
                 svc/R/bin/install.wasm nor svc/R/install.wasm nor svc/install.wasm",
                missing.span
            )
        );
        assert!(missing.hint().contains("leave `install.cmd` out"), "{}", missing.hint());
        let outside = task_of("WorkerRole", r"..\..\install.cmd").unwrap_err();
        assert!(outside.to_string().ends_with("it leads out of the role's folder"), "{outside}");
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
