//! The bound of the folder: what was used least recently makes room.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file of some engine, finished or not.
struct Kept {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// Removes files below `components` until what is left has at most `bound` bytes. `newest` stays, however large it is: it is about to
/// be used. What cannot be removed is left to the next host.
pub(super) fn make(components: &Path, bound: u64, newest: &Path) {
    let mut all: Vec<Kept> = files(components);
    all.sort_by_key(|kept| (kept.path != newest, Reverse(kept.used)));
    let mut sum = 0_u64;
    for kept in all {
        sum = sum.saturating_add(kept.bytes);
        if sum > bound && kept.path != newest {
            let _ = fs::remove_file(&kept.path);
            if let Some(engine) = kept.path.parent() {
                // Fails as long as there is something in it.
                let _ = fs::remove_dir(engine);
            }
        }
    }
}

fn files(components: &Path) -> Vec<Kept> {
    let folders = fs::read_dir(components).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let kept = files.filter_map(|file| {
        let about = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Kept { used: about.modified().ok()?, bytes: about.len(), path: file.path() })
    });
    kept.collect()
}
