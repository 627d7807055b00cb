//! Removing what guests have left behind.
//!
//! A guest can nest directories deeper than a path can be long, and deeper than the stack or the open files of a program
//! that removes them one inside the other; `std::fs::remove_dir_all` does that. Here a directory that is not
//! empty is moved up to the top first, so that depth costs nothing but time.
//!
//! Nothing here believes what it has seen a moment ago. A directory is opened without following a link, and what is in it
//! is removed and moved through that handle: whoever puts a link where a directory was loses the link. Guests should
//! be gone before, since one that goes on writing keeps this from ending.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_primitives::ambient_authority;
use cap_primitives::fs::{
    DirEntry, FollowSymlinks, open_ambient_dir, open_dir_nofollow, read_base_dir, remove_dir, remove_file,
    rename, stat,
};

/// Removes a directory with everything in it. It blocks. A directory that is not there is fine, and so is what somebody
/// else removes meanwhile.
///
/// Symbolic links are removed, not followed; only the folders above `directory` may be links.
///
/// # Errors
///
/// What the operating system says about the first thing that cannot be removed.
pub fn remove_tree(directory: &Path) -> io::Result<()> {
    let (Some(name), Some(parent)) = (directory.file_name(), directory.parent()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a folder without a name cannot be removed"));
    };
    // A name alone is in the current folder.
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let parent = match open_ambient_dir(parent, ambient_authority()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => Directory(opened?),
    };
    loop {
        match parent.enter(name)? {
            Entered::Gone => return Ok(()),
            Entered::NoDirectory => parent.remove_file(name)?,
            Entered::Directory(top) => top.empty()?,
        }
        // Not empty: something was moved up, or came, after the list was made.
        parent.remove_empty(name)?;
    }
}

/// A directory that is open: it stays the same one, whatever becomes of its name.
struct Directory(File);

/// What a name leads to.
enum Entered {
    Directory(Directory),
    /// Something else, a link for example.
    NoDirectory,
    Gone,
}

impl Directory {
    /// Opens a directory in this one.
    fn enter(&self, name: &OsStr) -> io::Result<Entered> {
        match open_dir_nofollow(&self.0, name.as_ref()) {
            Ok(directory) => Ok(Entered::Directory(Self(directory))),
            // Systems have different words for what is no directory, and for a link.
            Err(error) => match stat(&self.0, name.as_ref(), FollowSymlinks::No) {
                Ok(there) if there.is_dir() => Err(error),
                Ok(_) => Ok(Entered::NoDirectory),
                Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(Entered::Gone),
                Err(error) => Err(error),
            },
        }
    }

    fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
        read_base_dir(&self.0)
    }

    /// Removes what is in the top directory; what has to be moved up is there then, and may be left.
    fn empty(&self) -> io::Result<()> {
        let mut places = Places { top: self, next: 0 };
        for entry in self.entries()? {
            let name = entry?.file_name();
            match self.enter(&name)? {
                Entered::Gone => {}
                Entered::NoDirectory => self.remove_file(&name)?,
                Entered::Directory(inner) => {
                    inner.clear(&mut places)?;
                    drop(inner); // some systems remove nothing that is open
                    self.remove_empty(&name)?;
                }
            }
        }
        Ok(())
    }

    /// Removes the files in a directory, and moves the directories in it up.
    fn clear(&self, places: &mut Places<'_>) -> io::Result<()> {
        for entry in self.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            // As it was listed. If it is something else by now, that is dealt with in the next round.
            if entry.file_type()?.is_dir() {
                places.move_up(self, &name)?;
            } else {
                self.remove_file(&name)?;
            }
        }
        Ok(())
    }

    /// Removes what is no directory; one that has come in its place stays.
    fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        match remove_file(&self.0, name.as_ref()) {
            Err(error) => match stat(&self.0, name.as_ref(), FollowSymlinks::No) {
                Ok(there) if there.is_dir() => Ok(()),
                Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            },
            removed => removed,
        }
    }

    /// Removes a directory if it is empty. What is not, and what has come in its place, stays.
    fn remove_empty(&self, name: &OsStr) -> io::Result<()> {
        match remove_dir(&self.0, name.as_ref()) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory
                ) =>
            {
                Ok(())
            }
            removed => removed,
        }
    }
}

/// Names in the top directory that nobody uses.
struct Places<'a> {
    top: &'a Directory,
    next: u64,
}

impl Places<'_> {
    fn move_up(&mut self, from: &Directory, name: &OsStr) -> io::Result<()> {
        // An empty directory is gone at once; most are.
        if remove_dir(&from.0, name.as_ref()).is_ok() {
            return Ok(());
        }
        loop {
            let place = self.free_name();
            match stat(&self.top.0, &place, FollowSymlinks::No) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return match rename(&from.0, name.as_ref(), &self.top.0, &place) {
                        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                        moved => moved,
                    };
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn free_name(&mut self) -> PathBuf {
        self.next = self.next.wrapping_add(1);
        PathBuf::from(format!(".removal-{}", self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_directory_itself_is_removed_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (top, outside) = (folder.path().join("top"), folder.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "words").unwrap();
        std::os::unix::fs::symlink(&outside, &top).unwrap();
        remove_tree(&top).unwrap();
        assert!(top.symlink_metadata().is_err());
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "words");
    }

    /// What a guest could do between a look at a directory and its removal, at each step in turn.
    #[cfg(unix)]
    #[test]
    fn a_directory_that_was_swapped_for_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (top, outside) = (folder.path().join("top"), folder.path().join("outside"));
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::create_dir_all(outside.join("c")).unwrap();
        fs::write(outside.join("c/file"), "words").unwrap();
        let opened = Directory(open_ambient_dir(&top, ambient_authority()).unwrap());
        let Entered::Directory(a) = opened.enter("a".as_ref()).unwrap() else { panic!("it is a directory") };
        let listed: Vec<DirEntry> = a.entries().unwrap().map(Result::unwrap).collect();
        assert!(listed[0].file_type().unwrap().is_dir());
        // Both names lead outside from now on.
        fs::rename(top.join("a/b"), folder.path().join("b")).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("a/b")).unwrap();
        fs::rename(top.join("a"), folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("a")).unwrap();

        assert!(matches!(a.enter("b".as_ref()).unwrap(), Entered::NoDirectory));
        assert!(matches!(opened.enter("a".as_ref()).unwrap(), Entered::NoDirectory));
        // What was listed as a directory is moved as the link that it is.
        Places { top: &opened, next: 0 }.move_up(&a, "b".as_ref()).unwrap();
        assert!(top.join(".removal-1").is_symlink());
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert_eq!(fs::read_to_string(outside.join("c/file")).unwrap(), "words");
    }

    /// The same from outside: somebody swaps all the time.
    #[cfg(unix)]
    #[test]
    fn somebody_who_swaps_directories_and_links_meanwhile_gets_nothing_outside_removed() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (top, outside) = (folder.path().join("top"), folder.path().join("outside"));
        fs::create_dir_all(outside.join("in")).unwrap();
        fs::write(outside.join("in/file"), "words").unwrap();
        for round in 0..50 {
            for name in ["a", "b", "c"] {
                fs::create_dir_all(top.join(name).join("in/deep")).unwrap();
            }
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for name in ["a", "b", "c"].into_iter().cycle() {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let away = folder.path().join(format!("away-{round}-{name}"));
                        if fs::rename(top.join(name), &away).is_ok() {
                            let _ = std::os::unix::fs::symlink(&outside, top.join(name));
                        }
                    }
                });
                let removed = remove_tree(&top);
                over.store(true, Ordering::Relaxed);
                removed.unwrap();
            });
            assert_eq!(fs::read_to_string(outside.join("in/file")).unwrap(), "words");
        }
    }
}
