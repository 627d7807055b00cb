//! The directories behind the local stores of an instance.
//!
//! Each store is `<data folder>/<instance id>/<store>`. The names come from the definition, whose rules for names keep
//! separators and dots at the end out of them. A recycle empties a store that says so (`cleanOnRoleRecycle`, the
//! default) before the next incarnation starts. A store holds at most its size; the role runtime sees to that.

use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_role_runtime::Preopen;
use wasm_roles_service_plan::{InstanceId, LocalResource};

use crate::removal::remove_tree;
use crate::view::local_path;

/// The stores of one instance.
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
        Self { stores: resources.iter().map(store).collect() }
    }

    /// Makes the directories ready for an incarnation; `recycled` when there was one before. It blocks.
    fn prepare(&self, recycled: bool) -> Result<Vec<Preopen>, String> {
        self.stores.iter().map(|store| store.prepare(recycled)).collect()
    }

    /// As `prepare`, without holding up other instances.
    pub(crate) async fn preopens(&self, recycled: bool) -> Result<Vec<Preopen>, String> {
        if self.stores.is_empty() {
            return Ok(Vec::new());
        }
        let stores = self.clone();
        let prepared = tokio::task::spawn_blocking(move || stores.prepare(recycled)).await;
        prepared.unwrap_or_else(|error| Err(format!("its local storage cannot be prepared: {error}")))
    }
}

impl Store {
    fn prepare(&self, recycled: bool) -> Result<Preopen, String> {
        let unusable =
            |error: io::Error| format!("its local storage {} is unusable: {error}", self.directory.display());
        if recycled && self.clean_on_recycle {
            remove_tree(&self.directory).map_err(unusable)?;
        }
        std::fs::create_dir_all(&self.directory).map_err(unusable)?;
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
    async fn a_recycle_empties_a_store_unless_it_shall_be_kept() {
        let plan = plan_of(
            r#"<WorkerRole name="W"><LocalResources>
                <LocalStorage name="Scratch" sizeInMB="7" /><LocalStorage name="Kept" cleanOnRoleRecycle="false" />
            </LocalResources></WorkerRole>"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        let data = tempfile::tempdir().unwrap();
        let stores = Stores::new(data.path(), &plan.instances[0].id, &plan.roles[0].local_resources);

        let preopens = stores.preopens(false).await.unwrap();
        let paths: Vec<&str> = preopens.iter().map(|preopen| preopen.guest_path.as_str()).collect();
        assert_eq!(paths, ["/local/Scratch", "/local/Kept"]);
        let quotas: Vec<Option<u64>> = preopens.iter().map(|preopen| preopen.quota_bytes).collect();
        assert_eq!(quotas, [Some(7 << 20), Some(100 << 20)]);
        for preopen in &preopens {
            std::fs::write(preopen.directory.join("file"), "words").unwrap();
        }
        stores.preopens(true).await.unwrap();
        let left: Vec<bool> =
            preopens.iter().map(|preopen| preopen.directory.join("file").exists()).collect();
        assert_eq!(left, [false, true]);
        assert!(preopens[0].directory.is_dir());
    }
}
