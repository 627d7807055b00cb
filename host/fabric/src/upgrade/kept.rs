//! The roles that an upgrade leaves alone, because nothing that their instances run has changed.
//!
//! | as before has to be | since an incarnation has it from its start |
//! |---|---|
//! | the bytes of the component and of those of its start-up tasks | |
//! | command line, variables, kinds of start-up tasks | |
//! | settings, local storage, and all that `environment` shows: the instances of other roles as well | it hears of no change |
//! | endpoints, limits, domains of the instance | the sockets that it has |
//! | certificates, and the endpoints whose TLS ends in the host | the files and the web server that it has |
//! | sites, and where public ports lead | the web server that it has |
//! | stop budget and options of the web server | |
//! | the role's folder and those of its sites: the same folder, or one with the same files | they are open |
//!
//! Who may talk to whom is not among these: the network decides it anew each time. The folders need not have one path, since each
//! package has its own; who is left alone goes on with the folders that it has. What lies in a folder that has the same path is not
//! compared: an instance that reads it sees what is there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wasm_roles_service_plan::{
    Certificate, InstanceId, Plan, PlannedInstance, PlannedPlace, PlannedRole, PlannedSite, RoleName,
    StartupTask,
};

use crate::approot;
use crate::certificates::Provision;
use crate::same_files::same_files;
use crate::variables::{DeploymentFacts, variables};
use crate::version::Generation;
use crate::view::Views;

/// What runs, or what shall run.
pub(super) struct Side<'a> {
    pub(super) views: &'a Views,
    pub(super) generation: &'a Generation,
    pub(super) provision: &'a Provision,
}

impl Side<'_> {
    fn plan(&self) -> &Plan {
        self.views.plan()
    }
}

/// The roles with instances that stay, of which nothing has changed. Those that lose what they have stored are not among them.
pub(super) async fn roles(
    before: &Side<'_>,
    after: &Side<'_>,
    staying: &BTreeSet<InstanceId>,
    loses_data: &[RoleName],
) -> BTreeSet<RoleName> {
    if (before.generation.stop_budget, &before.generation.web)
        != (after.generation.stop_budget, &after.generation.web)
    {
        return BTreeSet::new();
    }
    let mut kept = BTreeSet::new();
    for role in &after.plan().roles {
        let instances: Vec<&PlannedInstance> = of_role(after.plan(), &role.name, staying).collect();
        if !instances.is_empty()
            && !loses_data.contains(&role.name)
            && is_same(before, after, role, &instances)
            && same_folders(folders(before, &role.name), folders(after, &role.name)).await
        {
            kept.insert(role.name.clone());
        }
    }
    kept
}

fn of_role<'a>(
    plan: &'a Plan,
    role: &'a RoleName,
    staying: &'a BTreeSet<InstanceId>,
) -> impl Iterator<Item = &'a PlannedInstance> {
    plan.instances.iter().filter(move |instance| instance.role == *role && staying.contains(&instance.id))
}

fn is_same(before: &Side<'_>, after: &Side<'_>, role: &PlannedRole, instances: &[&PlannedInstance]) -> bool {
    let Some(old) = before.plan().role(&role.name) else { return false };
    same_role(old, role)
        && same_components(before.generation, after.generation, &role.name)
        && before.generation.ways(&role.name) == after.generation.ways(&role.name)
        && after.provision.is_as_good(before.provision, &role.name)
        && instances.iter().all(|instance| same_instance(before, after, instance))
}

/// What the definition says of a role, but for the places where it says so and who may reach it.
fn same_role(old: &PlannedRole, new: &PlannedRole) -> bool {
    let certificate = |certificate: &Certificate| {
        let Certificate { name, store_location, store_name, permission_level, thumbprint, .. } =
            certificate.clone();
        (name, store_location, store_name, permission_level, thumbprint)
    };
    let ranges = |role: &PlannedRole| -> Vec<_> {
        role.endpoints.iter().map(|endpoint| (endpoint.name.clone(), endpoint.ranges.clone())).collect()
    };
    old.kind == new.kind
        && approot::arguments(&old.entry) == approot::arguments(&new.entry)
        && old.local_resources == new.local_resources
        && old.certificates.iter().map(certificate).eq(new.certificates.iter().map(certificate))
        && ranges(old) == ranges(new)
        && same_each(&old.startup_tasks, &new.startup_tasks, same_task)
        && same_each(&old.sites, &new.sites, same_site)
}

fn same_each<T>(old: &[T], new: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
}

fn same_task(old: &StartupTask, new: &StartupTask) -> bool {
    (&old.command, &old.arguments, old.kind) == (&new.command, &new.arguments, new.kind)
}

fn same_site(old: &PlannedSite, new: &PlannedSite) -> bool {
    (&old.name, &old.bindings) == (&new.name, &new.bindings) && same_place(&old.root, &new.root)
}

fn same_place(old: &PlannedPlace, new: &PlannedPlace) -> bool {
    (&old.name, old.kind, &old.physical_directory) == (&new.name, new.kind, &new.physical_directory)
        && same_each(&old.children, &new.children, same_place)
}

fn same_components(before: &Generation, after: &Generation, role: &RoleName) -> bool {
    let (Some(old), Some(new)) = (before.components.get(role), after.components.get(role)) else {
        return false;
    };
    old.role.is_same(&new.role) && same_each(&old.tasks, &new.tasks, |old, new| old.is_same(new))
}

/// What an instance is, what it sees, and the variables of its programs.
fn same_instance(before: &Side<'_>, after: &Side<'_>, instance: &PlannedInstance) -> bool {
    let Some(old) = before.plan().instance(&instance.id) else { return false };
    let mut same = instance.clone();
    same.index = old.index;
    same == *old
        && before.views.of(&instance.id) == after.views.of(&instance.id)
        && all_variables(before, old) == all_variables(after, instance)
}

/// The variables of the role's program and of its tasks; none of those without a value, which were refused before.
fn all_variables(side: &Side<'_>, instance: &PlannedInstance) -> Option<Vec<Vec<(String, String)>>> {
    let (plan, view) = (side.plan(), side.views.of(&instance.id)?);
    let deployment = DeploymentFacts { plan, deployment_id: &view.deployment_id, emulated: view.emulated };
    let role = plan.role(&instance.role)?;
    let of_tasks = role.startup_tasks.iter().map(|task| &task.environment);
    let declared = std::iter::once(&role.environment).chain(of_tasks);
    declared.map(|declared| variables(declared, instance, deployment).ok()).collect()
}

/// The folders of a role: its own, if it has one, and those of its sites.
fn folders(side: &Side<'_>, role: &RoleName) -> Vec<Option<PathBuf>> {
    let own = side.generation.approots.folder(role, std::path::Path::is_dir);
    let of_sites = side.generation.sites(role).iter().cloned().map(Some);
    std::iter::once(own).chain(of_sites).collect()
}

/// Whether these are the same folders, or have the same files.
async fn same_folders(old: Vec<Option<PathBuf>>, new: Vec<Option<PathBuf>>) -> bool {
    let compare = move || {
        same_each(&old, &new, |old, new| match (old, new) {
            (Some(old), Some(new)) => old == new || same_files(old, new),
            (old, new) => old == new,
        })
    };
    // An error only when the tokio runtime shuts down.
    tokio::task::spawn_blocking(compare).await.unwrap_or(false)
}
