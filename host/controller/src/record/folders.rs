//! Where everything lies below the data folder.

use std::path::{Path, PathBuf};

use wasm_roles_control_interface::{ServiceName, TenantName};

/// Below the data folder; its lock.
pub(crate) const LOCK: &str = "wasm-roles-host.lock";
/// Below the data folder.
pub(crate) const TENANTS: &str = "tenants";
/// Below a tenant's folder.
pub(crate) const SERVICES: &str = "services";
const INCOMING: &str = "incoming";
/// Below a service's folder.
pub(crate) const SERVICE_RECORD: &str = "service.json";
pub(crate) const DEPLOYMENTS: &str = "deployments";

/// The folder of one tenant.
#[derive(Clone, Debug)]
pub(crate) struct TenantFolder(PathBuf);

impl TenantFolder {
    pub(crate) fn new(data: &Path, tenant: &TenantName) -> Self {
        Self(data.join(TENANTS).join(tenant.as_str()))
    }

    /// Where packages arrive.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.0.join(INCOMING)
    }

    pub(crate) fn services(&self) -> PathBuf {
        self.0.join(SERVICES)
    }

    pub(crate) fn service(&self, service: &ServiceName) -> ServiceFolder {
        ServiceFolder(self.services().join(service.folder()))
    }
}

/// The folder of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceFolder(pub(crate) PathBuf);

impl ServiceFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.join(SERVICE_RECORD)
    }

    pub(crate) fn deployments(&self) -> PathBuf {
        self.0.join(DEPLOYMENTS)
    }

    pub(crate) fn deployment(&self, id: &str) -> DeploymentFolder {
        DeploymentFolder(self.deployments().join(id))
    }
}

/// The folder of one deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeploymentFolder(PathBuf);

impl DeploymentFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("deployment.json")
    }

    /// Its record's name once it was deleted while the disk had no room.
    pub(crate) fn deleted(&self) -> PathBuf {
        self.0.join("deployment.json.deleted")
    }

    pub(crate) fn revisions(&self) -> PathBuf {
        self.0.join("revisions")
    }

    pub(crate) fn revision(&self, number: u64) -> PathBuf {
        self.revisions().join(number.to_string())
    }

    /// The revisions that are on the disk.
    pub(crate) async fn revision_numbers(&self) -> Vec<u64> {
        let folder = self.revisions();
        let read = move || {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
        };
        // An error only when the tokio runtime shuts down.
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }

    /// Bytes of all packages that are on the disk.
    pub(crate) async fn package_bytes(&self) -> u64 {
        let folder = self.revisions();
        // An error only when the tokio runtime shuts down.
        tokio::task::spawn_blocking(move || bytes_below(&folder)).await.unwrap_or_default()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

/// Bytes of all files below a folder; links are not followed. It blocks.
fn bytes_below(folder: &Path) -> u64 {
    let (mut sum, mut folders) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => sum = sum.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    sum
}

/// Whether a name from a record can be that of a deployment's folder.
pub(crate) fn is_deployment_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Makes a folder with those above it that are missing, for the user alone. When this returns they are on the disk. It blocks.
pub(crate) fn make(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make(parent)?;
    }
    #[allow(unused_mut, reason = "there are modes on Unix systems only")]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), super::file::sync_folder)
}
