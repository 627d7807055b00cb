//! Finds and loads the components of a plan's roles and of their start-up tasks.
//!
//! A web role that says nothing of an entry point, has no component, and has sites with files, is a static site: what runs is a component
//! without a program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;
use wasm_roles_role_runtime::{Clock, LoadError, RoleComponent, Runtime};
use wasm_roles_service_plan::{EntryPoint, Plan, PlannedRole, PlannedSite, RoleKind, RoleName};
use wasm_roles_web_server::sites::Sites;

use crate::approot::{Approots, ComponentMissing};
use crate::sites::{SitesOf, of_instances};
use crate::start_error::{Problem, StartError};

/// The components of a role.
#[derive(Clone)]
pub(crate) struct Components {
    pub(crate) role: RoleComponent,
    /// Those of its start-up tasks, in the order of the definition.
    pub(crate) tasks: Vec<RoleComponent>,
    /// What is served before anybody asks the component.
    pub(crate) sites: Arc<Sites>,
}

/// The files of a role's components.
struct Files<'a> {
    role: &'a PlannedRole,
    /// None for a static site.
    own: Option<PathBuf>,
    tasks: Vec<PathBuf>,
}

/// Loads all components at the same time, each file once however many roles and tasks share it.
///
/// # Errors
///
/// Every role and task without a file; if all have one, every role with a file that cannot be run.
pub(crate) async fn load(
    runtime: &Runtime,
    plan: &Plan,
    approots: &Approots,
    mut sites: SitesOf,
    clock: Clock,
) -> Result<BTreeMap<RoleName, Components>, StartError> {
    let files = find(plan, approots)?;
    let mut loading: BTreeMap<&Path, JoinHandle<_>> = BTreeMap::new();
    for file in files.iter().flat_map(|files| files.own.iter().chain(&files.tasks)) {
        loading.entry(file).or_insert_with(|| {
            let (runtime, file) = (runtime.clone(), file.clone());
            tokio::task::spawn_blocking(move || runtime.load(&file))
        });
    }
    let mut loaded = BTreeMap::new();
    for (file, loading) in loading {
        loaded.insert(file, loading.await.map_err(|error| error.to_string()));
    }
    let (mut components, mut problems) = (BTreeMap::new(), Vec::new());
    for files in &files {
        let sites = sites.remove(&files.role.name).unwrap_or_default();
        match files.take(runtime, &mut loaded) {
            Ok(Some((role, tasks))) => {
                let sites = of_instances(sites, role.shape().http.is_some(), clock);
                components.insert(files.role.name.clone(), Components { role, tasks, sites });
            }
            // Somebody else that shares the file has reported it.
            Ok(None) => {}
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(components) } else { Err(StartError::new(problems)) }
}

/// What became of each file; taken out when it was reported that it cannot be run.
type Loaded<'a> = BTreeMap<&'a Path, Result<Result<RoleComponent, LoadError>, String>>;

impl Files<'_> {
    /// None when a file cannot be run and that was reported already: one report is enough for all that share it.
    fn take(
        &self,
        runtime: &Runtime,
        loaded: &mut Loaded<'_>,
    ) -> Result<Option<(RoleComponent, Vec<RoleComponent>)>, Box<Problem>> {
        let own = match &self.own {
            Some(own) => self.component(own, loaded)?,
            None => Some(self.static_site(runtime)?),
        };
        let Some(role) = own else { return Ok(None) };
        let mut tasks = Vec::with_capacity(self.tasks.len());
        for (task, file) in self.role.startup_tasks.iter().zip(&self.tasks) {
            let Some(component) = self.component(file, loaded)? else { return Ok(None) };
            if component.shape().program.is_none() {
                return Err(Box::new(Problem::TaskNoProgram {
                    role: self.role.name.clone(),
                    command: task.command.clone(),
                    span: task.span.clone(),
                    file: file.clone(),
                }));
            }
            tasks.push(component);
        }
        Ok(Some((role, tasks)))
    }

    fn static_site(&self, runtime: &Runtime) -> Result<RoleComponent, Box<Problem>> {
        runtime
            .without_program()
            .map_err(|source| Box::new(Problem::Load { role: self.role.name.clone(), source }))
    }

    fn component(&self, file: &Path, loaded: &mut Loaded<'_>) -> Result<Option<RoleComponent>, Box<Problem>> {
        if let Some(Ok(Ok(component))) = loaded.get(file) {
            return Ok(Some(component.clone()));
        }
        let role = self.role.name.clone();
        match loaded.remove(file) {
            Some(Ok(Err(source))) => Err(Box::new(Problem::Load { role, source })),
            Some(Err(reason)) => Err(Box::new(Problem::LoadFailed { role, reason })),
            Some(Ok(Ok(_))) | None => Ok(None),
        }
    }
}

/// The files of the components of a plan's roles and of their start-up tasks, each once.
///
/// # Errors
///
/// Every role and task without a file.
pub fn component_files(plan: &Plan, approots: &Approots) -> Result<BTreeSet<PathBuf>, StartError> {
    let files = find(plan, approots)?;
    Ok(files.into_iter().flat_map(|files| files.own.into_iter().chain(files.tasks)).collect())
}

fn find<'a>(plan: &'a Plan, approots: &Approots) -> Result<Vec<Files<'a>>, StartError> {
    let (mut all, mut missing): (Vec<Files<'a>>, Vec<Problem>) = (Vec::new(), Vec::new());
    for role in &plan.roles {
        let mut tasks = Vec::with_capacity(role.startup_tasks.len());
        for task in &role.startup_tasks {
            match approots.find_task(role, task, Path::is_file) {
                Ok(file) => tasks.push(file),
                Err(error) => missing.push(error.into()),
            }
        }
        match approots.find(role, Path::is_file) {
            Ok(own) => all.push(Files { role, own: Some(own), tasks }),
            Err(ComponentMissing::NotFound { stands_for: None, .. }) if is_static_site(role) => {
                all.push(Files { role, own: None, tasks });
            }
            Err(error) => missing.push(error.into()),
        }
    }
    if missing.is_empty() { Ok(all) } else { Err(StartError::new(missing)) }
}

/// Whether a role without a component still has something to do.
fn is_static_site(role: &PlannedRole) -> bool {
    let has_files = |site: &PlannedSite| site.root.has_files();
    role.kind == RoleKind::Web && role.entry == EntryPoint::Default && role.sites.iter().any(has_files)
}
