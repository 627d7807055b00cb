//! Removing what guests have left behind.
//!
//! A guest can nest directories deeper than a path can be long, and deeper than the stack or the open files of a program
//! that removes them one inside the other; `std::fs::remove_dir_all` does that. Here a directory that is not
//! empty is moved up to the top first, so no path gets longer than two names, and depth costs nothing but time.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// Removes a directory with everything in it. It blocks. A directory that is not there is fine.
///
/// Symbolic links are removed, not followed. No guest may have the directory meanwhile: it could put a link where
/// a directory was.
///
/// # Errors
///
/// What the operating system says about the first thing that cannot be removed.
pub fn remove_tree(directory: &Path) -> io::Result<()> {
    let mut places = Places { top: directory, next: 0 };
    loop {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            remove(&entry?, &mut places)?;
        }
        match fs::remove_dir(directory) {
            // Something was moved up after the list was made.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => return removed,
        }
    }
}

/// Removes an entry of the top directory. If it is a directory, those in it are moved up.
fn remove(entry: &DirEntry, places: &mut Places<'_>) -> io::Result<()> {
    let path = entry.path();
    if !entry.file_type()?.is_dir() {
        return fs::remove_file(path);
    }
    for inner in fs::read_dir(&path)? {
        let inner = inner?;
        if inner.file_type()?.is_dir() {
            places.move_up(&inner.path())?;
        } else {
            fs::remove_file(inner.path())?;
        }
    }
    fs::remove_dir(path)
}

/// Names in the top directory that nobody uses.
struct Places<'a> {
    top: &'a Path,
    next: u64,
}

impl Places<'_> {
    fn move_up(&mut self, directory: &Path) -> io::Result<()> {
        // An empty directory is gone at once; most are.
        if fs::remove_dir(directory).is_ok() {
            return Ok(());
        }
        loop {
            let place = self.free_name();
            if !place.try_exists()? && place.symlink_metadata().is_err() {
                return fs::rename(directory, place);
            }
        }
    }

    fn free_name(&mut self) -> PathBuf {
        self.next = self.next.wrapping_add(1);
        self.top.join(format!(".removal-{}", self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(folder: &Path, depth: usize) {
        // From the inside out: each step puts what there is into a new directory.
        let (inner, outer) = (folder.join("inner"), folder.join("outer"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("file"), "words").unwrap();
        for _ in 0..depth {
            fs::create_dir(&outer).unwrap();
            fs::rename(&inner, outer.join("inner")).unwrap();
            fs::rename(&outer, &inner).unwrap();
        }
    }

    #[test]
    fn everything_below_a_directory_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::create_dir_all(top.join("a/d")).unwrap();
        // Names that the removal itself would take.
        fs::create_dir_all(top.join(".removal-1/x")).unwrap();
        fs::write(top.join(".removal-2"), "").unwrap();
        for file in ["one", "a/two", "a/b/three", "a/b/c/four", ".removal-1/x/five"] {
            fs::write(top.join(file), "words").unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        remove_tree(&top).unwrap();
    }

    #[test]
    fn depth_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir(&top).unwrap();
        nested(&top, 5_000);
        remove_tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_removed_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (top, outside) = (folder.path().join("top"), folder.path().join("outside"));
        fs::create_dir_all(top.join("a")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "words").unwrap();
        for link in ["link", "a/link"] {
            std::os::unix::fs::symlink(&outside, top.join(link)).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", top.join(".removal-1")).unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "words");
    }
}
