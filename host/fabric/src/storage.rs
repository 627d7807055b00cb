//! The directories behind the local stores of an instance, and its directory for temporary files.
//!
//! | the guest's | on the host | holds | is emptied |
//! |---|---|---|---|
//! | `/local/<store>` | `<data folder>/<instance id>/<store>` | its `sizeInMB` | before each incarnation, if the store says so (`cleanOnRoleRecycle`, the default) |
//! | `/tmp` | `<data folder>/wasm-roles-temp/<instance id>` | 100 MiB, the platform's default (facts: section 8.3) | before each incarnation |
//!
//! Emptied means before the start-up tasks (facts: section 13, no. 32). The first incarnation of a run comes after the last one
//! of the run before. The names come from the definition, whose rules for names keep separators and dots at the end out of
//! them. The role runtime sees to the sizes.

use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_role_runtime::Preopen;
use wasm_roles_service_plan::{InstanceId, LocalResource};

use crate::data_folder::create_private;
use crate::removal::remove_tree;
use crate::view::local_path;

/// Where the folders for temporary files are, below the data folder. No instance has this id.
pub(crate) const TEMPORARY: &str = "wasm-roles-temp";

/// The folder for temporary files, as the guest sees it; where programs look that know no variables.
pub(crate) const GUEST_TEMPORARY: &str = "/tmp";

/// What the folder for temporary files may hold, in bytes.
const TEMPORARY_BYTES: u64 = 100 << 20;

/// The stores of one instance, the temporary folder among them.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    stores: Vec<Store>,
}

#[derive(Clone, Debug)]
struct Store {
    guest_path: String,
    directory: PathBuf,
    size_bytes: u64,
    clean_on_recycle: bool,
}

impl Stores {
    pub(crate) fn new(data: &Path, instance: &InstanceId, resources: &[LocalResource]) -> Self {
        let folder = data.join(instance.as_str());
        let store = |resource: &LocalResource| Store {
            guest_path: local_path(resource.name.as_str()),
            directory: folder.join(resource.name.as_str()),
            // `sizeInMB` counts units of 1,048,576 bytes.
            size_bytes: u64::from(resource.size_mb) << 20,
            clean_on_recycle: resource.clean_on_recycle,
        };
        let temporary = Store {
            guest_path: GUEST_TEMPORARY.to_owned(),
            directory: data.join(TEMPORARY).join(instance.as_str()),
            size_bytes: TEMPORARY_BYTES,
            clean_on_recycle: true,
        };
        Self { stores: resources.iter().map(store).chain([temporary]).collect() }
    }

    /// What removes everything that an instance has stored, when it is gone for good. It blocks. What cannot be removed
    /// stays.
    pub(crate) fn removal(data: &Path, instance: &InstanceId) -> impl FnOnce() + Send + 'static + use<> {
        let folders = [data.join(instance.as_str()), data.join(TEMPORARY).join(instance.as_str())];
        move || drop(folders.map(|folder| remove_tree(&folder)))
    }

    /// Removes everything that is stored, for an incarnation that shall find nothing.
    pub(crate) async fn empty(&self) -> Result<(), String> {
        let folders: Vec<PathBuf> = self.stores.iter().map(|store| store.directory.clone()).collect();
        let emptied = tokio::task::spawn_blocking(move || {
            let unusable = |folder: &Path, error: io::Error| {
                format!("its local storage {} cannot be emptied: {error}", folder.display())
            };
            folders.iter().try_for_each(|folder| remove_tree(folder).map_err(|error| unusable(folder, error)))
        });
        emptied.await.unwrap_or_else(|error| Err(format!("its local storage cannot be emptied: {error}")))
    }

    /// Makes the directories ready for an incarnation. It blocks.
    fn prepare(&self) -> Result<Vec<Preopen>, String> {
        self.stores.iter().map(Store::prepare).collect()
    }

    /// As `prepare`, without holding up other instances.
    pub(crate) async fn preopens(&self) -> Result<Vec<Preopen>, String> {
        let stores = self.clone();
        let prepared = tokio::task::spawn_blocking(move || stores.prepare()).await;
        prepared.unwrap_or_else(|error| Err(format!("its local storage cannot be prepared: {error}")))
    }
}

impl Store {
    fn prepare(&self) -> Result<Preopen, String> {
        let unusable =
            |error: io::Error| format!("its local storage {} is unusable: {error}", self.directory.display());
        if self.clean_on_recycle {
            remove_tree(&self.directory).map_err(unusable)?;
        }
        create_private(&self.directory).map_err(unusable)?;
        Ok(Preopen {
            guest_path: self.guest_path.clone(),
            directory: self.directory.clone(),
            writable: true,
            quota_bytes: Some(self.size_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    #[tokio::test]
    async fn each_incarnation_finds_its_stores_empty_unless_they_shall_be_kept() {
        let plan = plan_of(
            r#"<WorkerRole name="W"><LocalResources>
                <LocalStorage name="Scratch" sizeInMB="7" /><LocalStorage name="Kept" cleanOnRoleRecycle="false" />
            </LocalResources></WorkerRole>"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        let data = tempfile::tempdir().unwrap();
        let stores = Stores::new(data.path(), &plan.instances[0].id, &plan.roles[0].local_resources);

        let preopens = stores.preopens().await.unwrap();
        let paths: Vec<&str> = preopens.iter().map(|preopen| preopen.guest_path.as_str()).collect();
        assert_eq!(paths, ["/local/Scratch", "/local/Kept", "/tmp"]);
        let quotas: Vec<Option<u64>> = preopens.iter().map(|preopen| preopen.quota_bytes).collect();
        assert_eq!(quotas, [Some(7 << 20), Some(100 << 20), Some(100 << 20)]);
        for preopen in &preopens {
            std::fs::write(preopen.directory.join("file"), "words").unwrap();
        }
        stores.preopens().await.unwrap();
        let left: Vec<bool> =
            preopens.iter().map(|preopen| preopen.directory.join("file").exists()).collect();
        assert_eq!(left, [false, true, false]);
        assert!(preopens[0].directory.is_dir());
    }
}
