//! What a store holds when it is attached.
//!
//! Nothing is remembered from earlier runs: what the directory holds is what counts, whoever put it there. Symbolic
//! links are not followed. Names of the same file are recognised, so that it counts once.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::quota::Usage;

/// Measures everything below `directory`. It blocks. Nobody may change the directory meanwhile.
pub(super) fn measure(directory: &Path) -> io::Result<Usage> {
    let mut total = Usage::default();
    let mut shared = HashSet::new();
    let mut folders = vec![Folder { path: directory.to_owned(), anchor: None }];
    while let Some(folder) = folders.pop() {
        let folder = folder.within_reach()?;
        for entry in fs::read_dir(&folder.path)? {
            let entry = entry?;
            let metadata = entry.metadata()?; // of the link, if it is one
            total.names = total.names.saturating_add(1);
            if metadata.is_dir() {
                folders.push(Folder { path: entry.path(), anchor: folder.anchor.clone() });
            } else if (metadata.is_file() || metadata.is_symlink()) && first_name(&metadata, &mut shared) {
                total.bytes = total.bytes.saturating_add(metadata.len());
            }
        }
    }
    Ok(total)
}

/// A directory still to be measured.
struct Folder {
    path: PathBuf,
    /// The directory that the path begins with, kept open while it is needed.
    anchor: Option<Arc<fs::File>>,
}

impl Folder {
    /// A guest can nest directories deeper than a path can be long. Where the path becomes long, the
    /// directory is opened, and its descendants are named from there.
    #[cfg(target_os = "linux")]
    fn within_reach(self) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        /// Well below the system's 4096, with room for one more name.
        const LONG: usize = 3500;
        if self.path.as_os_str().len() < LONG {
            return Ok(self);
        }
        let anchor = fs::File::open(&self.path)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", anchor.as_raw_fd()));
        Ok(Self { path, anchor: Some(Arc::new(anchor)) })
    }

    #[cfg(not(target_os = "linux"))]
    fn within_reach(self) -> io::Result<Self> {
        Ok(self)
    }
}

#[cfg(unix)]
fn first_name(metadata: &Metadata, shared: &mut HashSet<(u64, u64)>) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() < 2 || shared.insert((metadata.dev(), metadata.ino()))
}

/// Other systems do not tell: each name counts.
#[cfg(not(unix))]
fn first_name(_: &Metadata, _: &mut HashSet<(u64, u64)>) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_and_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/ten"), "0123456789").unwrap();
        fs::hard_link(at("a/b/ten"), at("again")).unwrap();
        fs::File::create(at("sparse")).unwrap().set_len(1000).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc", at("link")).unwrap();
        assert_eq!(measure(folder.path()).unwrap(), Usage { bytes: 1014, names: 6 });
    }

    /// A path to the innermost directory would be longer than the system takes.
    #[cfg(target_os = "linux")]
    #[test]
    fn directories_nested_deeper_than_a_path_is_long_are_measured() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let name = "d".repeat(200);
        let mut inner = fs::File::open(folder.path()).unwrap();
        for _ in 0..60 {
            let path = PathBuf::from(format!("/proc/self/fd/{}", inner.as_raw_fd())).join(&name);
            fs::create_dir(&path).unwrap();
            inner = fs::File::open(path).unwrap();
        }
        fs::write(format!("/proc/self/fd/{}/file", inner.as_raw_fd()), "words").unwrap();
        assert_eq!(measure(folder.path()).unwrap(), Usage { bytes: 5, names: 61 });
    }
}
