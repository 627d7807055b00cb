//! What a deployment runs, and what one of its instances runs of it. An upgrade puts another generation in its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasm_roles_service_plan::{Plan, PlannedInstance, RoleName};

use crate::approot::Approots;
use crate::components::Components;
use crate::deployment::{DeploymentOptions, WebOptions};
use crate::entry::Ways;
use crate::launch::Directories;
use crate::sites;
use crate::storage::Stores;

/// The first generation of a deployment.
pub(crate) const FIRST: u32 = 1;

/// The components of all roles, where their files lie, and how they are run.
pub(crate) struct Generation {
    /// From 1. No other generation of the deployment has it, not even one that was taken back.
    pub(crate) number: u32,
    pub(crate) approots: Approots,
    pub(crate) components: BTreeMap<RoleName, Components>,
    ways: BTreeMap<RoleName, Arc<Ways>>,
    /// The folders of each role's sites.
    sites: BTreeMap<RoleName, Vec<PathBuf>>,
    pub(crate) stop_budget: Duration,
    pub(crate) web: WebOptions,
}

/// What one instance runs.
pub(crate) struct Version {
    pub(crate) generation: u32,
    pub(crate) components: Components,
    pub(crate) instance: PlannedInstance,
    pub(crate) directories: Directories,
    pub(crate) ways: Arc<Ways>,
    pub(crate) stop_budget: Duration,
    pub(crate) web: WebOptions,
    /// Its first incarnation finds nothing in its local stores.
    pub(crate) begins_empty: bool,
}

impl Generation {
    pub(crate) fn new(
        number: u32,
        plan: &Plan,
        options: &DeploymentOptions,
        components: BTreeMap<RoleName, Components>,
    ) -> Self {
        let ways = |role: &RoleName| (role.clone(), Arc::new(Ways::of(plan, role)));
        Self {
            number,
            approots: options.approots.clone(),
            components,
            ways: plan.roles.iter().map(|role| ways(&role.name)).collect(),
            sites: plan
                .roles
                .iter()
                .map(|role| (role.name.clone(), sites::folders(role, &options.approots)))
                .collect(),
            stop_budget: options.stop_budget,
            web: options.web.clone(),
        }
    }

    /// Where a role's public ports lead.
    pub(crate) fn ways(&self, role: &RoleName) -> Arc<Ways> {
        self.ways.get(role).cloned().unwrap_or_default()
    }

    /// The folders of a role's sites, in the order of the definition.
    pub(crate) fn sites(&self, role: &RoleName) -> &[PathBuf] {
        self.sites.get(role).map_or(&[], Vec::as_slice)
    }

    /// A role runs what it runs in `other`, from the same folders.
    pub(crate) fn take_over(&mut self, role: &RoleName, other: &Self) {
        self.approots.take_over(role, &other.approots);
        self.sites.insert(role.clone(), other.sites(role).to_vec());
        if let Some(components) = other.components.get(role) {
            self.components.insert(role.clone(), components.clone());
        }
    }

    /// Whether any role has a folder below this one.
    pub(crate) fn reads(&self, folder: &Path) -> bool {
        let own = self.components.keys().map(|role| self.approots.own_folder(role));
        let mut all = own.chain(self.sites.values().flatten().cloned());
        all.any(|used| used.starts_with(folder))
    }

    /// What an instance of `plan` runs in this generation; none when its role is not in both. Its local stores are below
    /// `data`.
    pub(crate) fn version(
        &self,
        plan: &Plan,
        instance: &PlannedInstance,
        data: &Path,
        begins_empty: bool,
    ) -> Option<Arc<Version>> {
        let role = plan.role(&instance.role)?;
        let approot: Option<PathBuf> = self.approots.folder(&role.name, Path::is_dir);
        let stores = Stores::new(data, &instance.id, &role.local_resources);
        Some(Arc::new(Version {
            generation: self.number,
            components: self.components.get(&role.name)?.clone(),
            instance: instance.clone(),
            directories: Directories { approot, stores },
            ways: self.ways(&role.name),
            stop_budget: self.stop_budget,
            web: self.web.clone(),
            begins_empty,
        }))
    }
}

#[cfg(test)]
impl Version {
    /// What has no program and no folders.
    pub(crate) fn of_nothing(generation: u32, instance: PlannedInstance) -> Self {
        let runtime = wasm_roles_role_runtime::Runtime::new(&Default::default()).unwrap();
        let role = runtime.without_program().unwrap();
        let stores = Stores::new(Path::new("no folder"), &instance.id, &[]);
        Self {
            generation,
            components: Components { role, tasks: Vec::new(), sites: Arc::default() },
            instance,
            directories: Directories { approot: None, stores },
            ways: Arc::default(),
            stop_budget: Duration::ZERO,
            web: WebOptions::default(),
            begins_empty: false,
        }
    }
}
