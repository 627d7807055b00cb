//! Who uses which volume.
//!
//! A role and its start-up tasks have stores of their own and the same directories: they share a volume, found by its
//! directory. The first user measures it. When the last one has gone, what is then in the directory is nobody's
//! business here; the next first user measures it again.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;

use super::volume::Volume;
use crate::instance::Preopen;

/// All volumes that are in use, by directory. A clone is a handle to the same.
#[derive(Clone, Default)]
pub(crate) struct VolumeRegistry(Arc<Mutex<HashMap<PathBuf, Known>>>);

struct Known {
    volume: Volume,
    users: usize,
}

/// The volumes of one program, in the order of its preopens; none for a preopen without a quota.
pub(crate) struct Volumes(Vec<Option<Attached>>);

struct Attached {
    volume: Volume,
    // Dropped after the handle: so it sees what others have.
    lease: Lease,
}

/// Counts one user of a volume.
struct Lease {
    registry: VolumeRegistry,
    directory: PathBuf,
}

impl Volumes {
    /// Measures all preopens that have a quota and that nobody else uses now.
    pub(crate) async fn attach(registry: &VolumeRegistry, preopens: &[Preopen]) -> Result<Self, String> {
        let mut volumes = Vec::with_capacity(preopens.len());
        for preopen in preopens {
            // What cannot be written to cannot grow.
            let attached = match preopen.quota_bytes.filter(|_| preopen.writable) {
                Some(quota) => Some(registry.attach(preopen, quota).await.map_err(|error| {
                    format!("the local storage {} cannot be measured: {error}", preopen.directory.display())
                })?),
                None => None,
            };
            volumes.push(attached);
        }
        Ok(Self(volumes))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&Volume>> {
        self.0.iter().map(|attached| attached.as_ref().map(|attached| &attached.volume))
    }
}

impl VolumeRegistry {
    async fn attach(&self, preopen: &Preopen, quota: u64) -> io::Result<Attached> {
        let directory = preopen.directory.clone();
        let canonical = spawn_blocking(move || directory.canonicalize()).await;
        let (attached, first) = self.enter(canonical.unwrap_or_else(|error| Err(io::Error::other(error)))?);
        attached.volume.hold_to(quota, &attached.lease.directory, first).await?;
        Ok(attached)
    }

    /// The volume of a directory, and whether nobody else uses it.
    fn enter(&self, directory: PathBuf) -> (Attached, bool) {
        let mut known = self.lock();
        let entry =
            known.entry(directory.clone()).or_insert_with(|| Known { volume: Volume::new(), users: 0 });
        let first = entry.users == 0;
        entry.users = entry.users.saturating_add(1);
        let lease = Lease { registry: self.clone(), directory };
        (Attached { volume: entry.volume.clone(), lease }, first)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut known = self.registry.lock();
        if let Some(entry) = known.get_mut(&self.directory) {
            entry.users = entry.users.saturating_sub(1);
        }
        // An operation that is still under way keeps its volume known, so that the next user waits for it. What is left
        // behind goes with another lease.
        known.retain(|_, entry| entry.users > 0 || entry.volume.is_in_use());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preopen(folder: &std::path::Path, quota_bytes: Option<u64>) -> Preopen {
        Preopen {
            guest_path: "/local/Store".to_owned(),
            directory: folder.to_owned(),
            writable: true,
            quota_bytes,
        }
    }

    async fn used(volumes: &Volumes) -> u64 {
        volumes.iter().next().unwrap().unwrap().used().await.bytes
    }

    #[tokio::test]
    async fn users_of_one_directory_share_one_volume() {
        let (registry, folder) = (VolumeRegistry::default(), tempfile::tempdir().unwrap());
        let roundabout = folder.path().join(".");
        let role = Volumes::attach(&registry, &[preopen(folder.path(), Some(10))]).await.unwrap();
        let task = Volumes::attach(&registry, &[preopen(&roundabout, Some(10))]).await.unwrap();
        assert!(role.iter().next().unwrap().unwrap().is(task.iter().next().unwrap().unwrap()));
    }

    #[tokio::test]
    async fn a_volume_is_measured_by_its_first_user_and_not_remembered() {
        let (registry, folder) = (VolumeRegistry::default(), tempfile::tempdir().unwrap());
        let preopens = [preopen(folder.path(), Some(10))];
        let first = Volumes::attach(&registry, &preopens).await.unwrap();
        std::fs::write(folder.path().join("file"), "words").unwrap();
        let second = Volumes::attach(&registry, &preopens).await.unwrap();
        assert_eq!(used(&second).await, 0);
        drop((first, second));
        assert!(registry.lock().is_empty());
        let third = Volumes::attach(&registry, &preopens).await.unwrap();
        assert_eq!(used(&third).await, 5);
    }

    #[tokio::test]
    async fn the_next_user_waits_for_what_the_last_one_began() {
        let (registry, folder) = (VolumeRegistry::default(), tempfile::tempdir().unwrap());
        let preopens = [preopen(folder.path(), Some(10))];
        let first = Volumes::attach(&registry, &preopens).await.unwrap();
        let turn = first.iter().next().unwrap().unwrap().turn().await;
        drop(first);
        let next = Volumes::attach(&registry, &preopens);
        let operation = async {
            tokio::task::yield_now().await;
            std::fs::write(folder.path().join("file"), "words").unwrap();
            drop(turn);
        };
        let (next, ()) = tokio::join!(next, operation);
        assert_eq!(used(&next.unwrap()).await, 5);
    }

    #[tokio::test]
    async fn preopens_without_a_quota_are_not_measured() {
        let registry = VolumeRegistry::default();
        let nowhere = std::path::Path::new("/nowhere/at/all");
        let volumes = Volumes::attach(&registry, &[preopen(nowhere, None)]).await.unwrap();
        assert!(volumes.iter().next().unwrap().is_none());
        assert!(Volumes::attach(&registry, &[preopen(nowhere, Some(1))]).await.is_err());
    }
}
