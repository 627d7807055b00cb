//! What a store holds when it is attached.
//!
//! Nothing is remembered from earlier runs: what the directory holds is what counts, whoever put it there. Symbolic
//! links are not followed. Names of the same file are recognised, so that it counts once.
//!
//! A guest can nest directories deeper than a path can be long, as wide as it likes. So the tree is walked from an open
//! directory, the anchor, that moves down with the walk, and up again by `..`: however the tree looks, no more than three handles
//! are open, and each directory is passed as often as it has neighbours in the tree.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::quota::Usage;

/// Measures everything below `directory`. It blocks. Nobody may change the directory meanwhile.
pub(super) fn measure(directory: &Path) -> io::Result<Usage> {
    let mut total = Usage::default();
    let mut shared = HashSet::new();
    walk(directory, |metadata| {
        total.names = total.names.saturating_add(1);
        let has_bytes = metadata.is_file() || metadata.is_symlink();
        if has_bytes && first_name(metadata, &mut shared) {
            total.bytes = total.bytes.saturating_add(metadata.len());
        }
    })?;
    Ok(total)
}

/// Calls `visit` for everything below `directory`; for a link, with what is known of the link itself.
fn walk(directory: &Path, mut visit: impl FnMut(&Metadata)) -> io::Result<()> {
    let mut place =
        Place { depth: 0, path: directory.to_owned(), anchor: Anchor { depth: 0, _handle: None } };
    let mut waiting = list(&place, &mut visit)?;
    while let Some(folder) = waiting.pop() {
        // The last that was found: its parent is where the walk is, or above.
        place.climb(folder.depth.saturating_sub(1))?;
        place.descend(folder.name)?;
        waiting.append(&mut list(&place, &mut visit)?);
    }
    Ok(())
}

/// A directory in which the walk has not been yet.
struct Folder {
    depth: usize,
    name: OsString,
}

fn list(place: &Place, visit: &mut impl FnMut(&Metadata)) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(&place.path)? {
        let entry = entry?;
        let metadata = entry.metadata()?; // of the link, if it is one
        visit(&metadata);
        if metadata.is_dir() {
            folders.push(Folder { depth: place.depth.saturating_add(1), name: entry.file_name() });
        }
    }
    Ok(folders)
}

/// Where the walk is.
struct Place {
    /// Directories below the one that is measured.
    depth: usize,
    /// It begins with the anchor.
    path: PathBuf,
    anchor: Anchor,
}

/// The directory that a path begins with.
struct Anchor {
    depth: usize,
    /// Open for as long as the path begins with its number. None: the path begins as the caller's does.
    _handle: Option<fs::File>,
}

impl Place {
    /// Goes into a directory that is here. Where the path becomes long, the anchor is moved here.
    fn descend(&mut self, name: OsString) -> io::Result<()> {
        /// Well below the system's 4096, with room for one more name.
        const LONG: usize = 3500;
        self.path.push(name);
        self.depth = self.depth.saturating_add(1);
        if cfg!(target_os = "linux") && self.path.as_os_str().len() >= LONG {
            self.drop_anchor()
        } else {
            Ok(())
        }
    }

    /// Goes up to a directory that this one is in.
    fn climb(&mut self, depth: usize) -> io::Result<()> {
        /// Steps that make a path which is not too long.
        const STEPS: usize = 1000;
        while self.depth > depth && self.depth > self.anchor.depth {
            self.path.pop();
            self.depth = self.depth.saturating_sub(1);
        }
        while self.depth > depth {
            let steps = self.depth.saturating_sub(depth).min(STEPS);
            self.path.extend(std::iter::repeat_n("..", steps));
            self.depth = self.depth.saturating_sub(steps);
            self.drop_anchor()?;
        }
        Ok(())
    }

    /// Opens the directory, and names everything from there.
    #[cfg(target_os = "linux")]
    fn drop_anchor(&mut self) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let handle = fs::File::open(&self.path)?;
        self.path = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        self.anchor = Anchor { depth: self.depth, _handle: Some(handle) };
        Ok(())
    }

    /// Other systems cannot name a directory by its handle: the anchor stays where it was, above everything.
    #[cfg(not(target_os = "linux"))]
    fn drop_anchor(&mut self) -> io::Result<()> {
        Ok(())
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

    /// Makes directories in each other, so many that no path to the innermost could be taken, each but the first with a
    /// neighbour that holds a file.
    #[cfg(target_os = "linux")]
    fn wide_and_deep(directory: &Path, depth: usize) {
        use std::os::fd::AsRawFd;
        let mut inner = fs::File::open(directory).unwrap();
        for _ in 0..depth {
            let here = PathBuf::from(format!("/proc/self/fd/{}", inner.as_raw_fd()));
            let name = "d".repeat(250);
            for folder in [format!("a{name}"), format!("b{name}"), format!("c{name}")] {
                fs::create_dir(here.join(&folder)).unwrap();
                fs::write(here.join(folder).join("file"), "words").unwrap();
            }
            inner = fs::File::open(here.join(format!("b{name}"))).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tree_as_wide_as_it_is_deep_is_measured_with_few_open_files() {
        let folder = tempfile::tempdir().unwrap();
        // Deeper than a path is long.
        wide_and_deep(folder.path(), 400);
        assert_eq!(measure(folder.path()).unwrap(), Usage { bytes: 400 * 3 * 5, names: 400 * 3 * 2 });
        // Other tests have files open too: only directories in this one count, and those whose name is too long to be told.
        let ours = |fd: io::Result<fs::DirEntry>| match fs::read_link(fd.unwrap().path()) {
            Ok(target) => target.starts_with(folder.path()),
            Err(error) => error.kind() == io::ErrorKind::InvalidFilename,
        };
        let (mut visits, mut most) = (0, 0);
        walk(folder.path(), |_| {
            visits += 1;
            let open = fs::read_dir("/proc/self/fd").unwrap().map(ours).filter(|ours| *ours).count();
            most = most.max(open);
        })
        .unwrap();
        assert_eq!(visits, 400 * 3 * 2);
        assert!((1..=8).contains(&most), "{most} directories were open at one time");
    }
}
