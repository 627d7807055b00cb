//! What has changed in some folders, save by save.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::debounce::Debounce;

/// More changed files than this in one save are not told apart.
const MANY: usize = 10_000;

/// What one save has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    pub paths: BTreeSet<PathBuf>,
    /// There were too many to be named: anything may have changed.
    pub anything: bool,
}

impl Saved {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.anything
    }
}

/// Watches folders. Those that are made in them are not watched by themselves.
pub struct Eyes {
    watcher: RecommendedWatcher,
    seen: Arc<Seen>,
    watched: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Seen {
    saved: Mutex<Saved>,
    more: Notify,
}

impl Eyes {
    /// That look at nothing yet.
    ///
    /// # Errors
    ///
    /// The operating system does not tell of changes.
    pub fn open() -> notify::Result<Self> {
        let seen = Arc::<Seen>::default();
        let tell = Arc::clone(&seen);
        let watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| tell.see(event))?;
        Ok(Self { watcher, seen, watched: BTreeSet::new() })
    }

    /// Watches what is in these folders, and not what is in folders in them. Once is enough; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// One of them cannot be watched; those before it are.
    pub fn watch_all(&mut self, folders: &[PathBuf]) -> notify::Result<()> {
        self.watched.retain(|folder| folder.is_dir());
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            if !self.watched.contains(folder) {
                self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
                self.watched.insert(folder.clone());
            }
        }
        Ok(())
    }

    /// Whether this is a folder that is watched.
    pub fn watches(&self, folder: &Path) -> bool {
        self.watched.contains(folder)
    }

    /// Folders that a save has changed themselves are not watched any more: another one may have their name now.
    pub fn forget(&mut self, saved: &Saved) {
        let Self { watcher, watched, .. } = self;
        watched.retain(|folder| {
            let stays = !saved.anything && !saved.paths.contains(folder);
            if !stays {
                // The operating system may have forgotten it by itself.
                let _ = watcher.unwatch(folder);
            }
            stays
        });
    }

    /// Waits for a save and for its end.
    pub async fn saved(&self) -> Saved {
        let mut debounce = Debounce::default();
        loop {
            let more = self.seen.more.notified();
            match debounce.over() {
                None if self.seen.saved().is_empty() => more.await,
                None => {}
                Some(over) => tokio::select! {
                    biased;
                    () = more => {}
                    () = sleep_until(over) => {
                        let saved = std::mem::take(&mut *self.seen.saved());
                        if !saved.is_empty() {
                            return saved;
                        }
                        // What was told had been taken with the save before.
                        debounce = Debounce::default();
                        continue;
                    }
                },
            }
            debounce.happened(Instant::now());
        }
    }
}

impl Seen {
    fn saved(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, event: notify::Result<notify::Event>) {
        let mut saved = self.saved();
        match event {
            Ok(event) if event.need_rescan() => saved.anything = true,
            // Reading a file, and changing its times and rights, leaves its contents as they are.
            Ok(event)
                if matches!(
                    event.kind,
                    EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_))
                ) =>
            {
                return;
            }
            Ok(event) => saved.paths.extend(event.paths),
            Err(_) => saved.anything = true,
        }
        if saved.paths.len() > MANY {
            *saved = Saved { paths: BTreeSet::new(), anything: true };
        }
        drop(saved);
        self.more.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn everything_that_one_save_does_comes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (file, written) = (folder.join("role.rs"), folder.join(".role.rs.new"));
        fs::write(&file, "before").unwrap();
        let mut eyes = Eyes::open().unwrap();
        eyes.watch_all(std::slice::from_ref(&folder)).unwrap();
        eyes.watch_all(std::slice::from_ref(&folder)).unwrap();
        // As editors do it.
        fs::write(&written, "after").unwrap();
        fs::rename(&written, &file).unwrap();
        let saved = eyes.saved().await;
        assert_eq!(saved, Saved { paths: BTreeSet::from([written, file.clone()]), anything: false });
        fs::read(&file).unwrap();
        fs::write(folder.join("other"), "").unwrap();
        assert_eq!(eyes.saved().await.paths, BTreeSet::from([folder.join("other")]), "reading is no change");
    }

    #[tokio::test]
    async fn a_folder_that_comes_again_is_watched_again() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().canonicalize().unwrap().join("src");
        fs::create_dir(&folder).unwrap();
        let mut eyes = Eyes::open().unwrap();
        eyes.watch_all(std::slice::from_ref(&folder)).unwrap();
        fs::remove_dir(&folder).unwrap();
        eyes.saved().await;
        eyes.watch_all(std::slice::from_ref(&folder)).unwrap();
        fs::create_dir(&folder).unwrap();
        eyes.watch_all(std::slice::from_ref(&folder)).unwrap();
        fs::write(folder.join("file"), "").unwrap();
        assert_eq!(eyes.saved().await.paths, BTreeSet::from([folder.join("file")]));
    }

    #[tokio::test]
    async fn a_folder_that_another_one_replaces_in_one_save_is_watched_again() {
        for moved in [false, true] {
            let above = tempfile::tempdir().unwrap();
            let above = above.path().canonicalize().unwrap();
            let folder = above.join("src");
            fs::create_dir(&folder).unwrap();
            let mut eyes = Eyes::open().unwrap();
            let folders = [above.clone(), folder.clone()];
            eyes.watch_all(&folders).unwrap();
            if moved {
                fs::rename(&folder, above.join("old")).unwrap();
            } else {
                fs::remove_dir(&folder).unwrap();
            }
            fs::create_dir(&folder).unwrap();
            let saved = eyes.saved().await;
            assert!(saved.paths.iter().any(|path| eyes.watches(path)), "{saved:?}");
            eyes.forget(&saved);
            eyes.watch_all(&folders).unwrap();
            fs::write(folder.join("file"), "").unwrap();
            assert!(eyes.saved().await.paths.contains(&folder.join("file")), "moved: {moved}");
        }
    }

    #[tokio::test]
    async fn very_many_are_not_told_apart() {
        let seen = Seen::default();
        for number in 0..=MANY {
            let event = notify::Event::new(EventKind::Any).add_path(PathBuf::from(number.to_string()));
            seen.see(Ok(event));
        }
        assert_eq!(*seen.saved(), Saved { paths: BTreeSet::new(), anything: true });
    }
}
