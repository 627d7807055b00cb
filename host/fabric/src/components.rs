//! Finds and loads the components of a plan's roles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;
use wasm_roles_role_runtime::{RoleComponent, Runtime};
use wasm_roles_service_plan::{Plan, RoleName};

use crate::approot::Approots;
use crate::start_error::{Problem, StartError};

/// Loads all components at the same time, each file once however many roles share it.
///
/// # Errors
///
/// Every role without a file; if all have one, every role whose file cannot be run.
pub(crate) async fn load(
    runtime: &Runtime,
    plan: &Plan,
    approots: &Approots,
) -> Result<BTreeMap<RoleName, RoleComponent>, StartError> {
    let loading: Vec<(Vec<RoleName>, JoinHandle<_>)> = find(plan, approots)?
        .into_iter()
        .map(|(file, roles)| {
            let runtime = runtime.clone();
            (roles, tokio::task::spawn_blocking(move || runtime.load(&file)))
        })
        .collect();
    let (mut components, mut problems) = (BTreeMap::new(), Vec::new());
    for (roles, loaded) in loading {
        match loaded.await {
            Ok(Ok(component)) => components.extend(roles.into_iter().map(|role| (role, component.clone()))),
            // One report is enough for roles that share a file.
            Ok(Err(source)) => {
                problems.extend(roles.into_iter().next().map(|role| Problem::Load { role, source }));
            }
            Err(error) => problems.extend(roles.into_iter().next().map(|role| {
                let reason = error.to_string();
                Problem::LoadFailed { role, reason }
            })),
        }
    }
    if problems.is_empty() { Ok(components) } else { Err(StartError::new(problems)) }
}

fn find(plan: &Plan, approots: &Approots) -> Result<BTreeMap<PathBuf, Vec<RoleName>>, StartError> {
    let mut files: BTreeMap<PathBuf, Vec<RoleName>> = BTreeMap::new();
    let mut missing = Vec::new();
    for role in &plan.roles {
        match approots.find(role, Path::is_file) {
            Ok(file) => files.entry(file).or_default().push(role.name.clone()),
            Err(error) => missing.push(error),
        }
    }
    if missing.is_empty() { Ok(files) } else { Err(StartError::new(missing)) }
}
