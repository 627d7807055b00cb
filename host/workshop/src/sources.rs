//! Which files a component is made of.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// More files than this are no sources of one role: something that was downloaded lies among them.
const MAX_FILES: usize = 50_000;

/// Names that are left out wherever they lie. Other names of a recipe count at the top of a place only: below it, `build` or `target` may be
/// a package of somebody's own.
const EVERYWHERE: [&str; 2] = ["node_modules", "__pycache__"];
/// What editors leave beside a file.
const OF_EDITORS: [&str; 3] = ["*~", "*.tmp", "*.orig"];
/// The name that vi tries a folder with.
const OF_VI: &str = "4913";

/// What does not belong to the sources of a language.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    names: &'static [&'static str],
    /// Components of the service: they are made, also where they lie among the sources.
    components: BTreeSet<PathBuf>,
}

/// Why the sources cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourcesError {
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} holds more than {MAX_FILES} files", folder.display())]
    TooMany { folder: PathBuf },
}

impl LeftOut {
    pub(crate) const fn new(names: &'static [&'static str], components: BTreeSet<PathBuf>) -> Self {
        Self { names, components }
    }

    /// Whether a file or folder of this name is left out, with everything in it. `top`: it lies in the place itself.
    fn has(&self, name: &OsStr, top: bool) -> bool {
        let name = name.to_string_lossy();
        let matches = |pattern: &&str| match pattern.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => name == **pattern && (top || EVERYWHERE.contains(pattern)),
        };
        let of_editor = name == OF_VI || name.starts_with('#') && name.ends_with('#');
        name.starts_with('.') || of_editor || OF_EDITORS.iter().chain(self.names).any(matches)
    }

    /// Whether the file at `path`, somewhere below `folder`, is a source of it.
    pub(crate) fn admits(&self, folder: &Path, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(folder) else { return false };
        let mut parts = below.components().enumerate();
        !self.components.contains(path) && !parts.any(|(depth, part)| self.has(part.as_os_str(), depth == 0))
    }

    /// All files below `place`, in the order of their names; the place itself when it is a file, and none when it is not there. Links are
    /// followed, as tools do; a folder that several lead to is looked at once.
    pub(crate) fn files(&self, place: &Path) -> Result<Vec<PathBuf>, SourcesError> {
        if place.is_file() {
            return Ok(vec![place.to_owned()]);
        }
        if !place.is_dir() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        let mut seen = BTreeSet::new();
        let mut folders = vec![place.to_owned()];
        while let Some(folder) = folders.pop() {
            if folder.canonicalize().is_ok_and(|real| !seen.insert(real)) {
                continue;
            }
            let unreadable = |error| SourcesError::Unreadable { path: folder.clone(), error };
            for path in entries(&folder).map_err(unreadable)? {
                let name = path.file_name().unwrap_or_default();
                if self.has(name, folder == place) || self.components.contains(&path) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    files.push(path);
                }
            }
            if files.len().saturating_add(folders.len()) > MAX_FILES {
                return Err(SourcesError::TooMany { folder: place.to_owned() });
            }
        }
        files.sort();
        Ok(files)
    }
}

/// What is in a folder, always in the same order: of several ways to a folder the first one counts.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(folder: &Path, left_out: &LeftOut) -> Vec<String> {
        let files = left_out.files(folder).unwrap();
        files.iter().map(|file| file.strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[test]
    fn what_tools_make_and_dot_names_are_no_sources() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for file in [
            "app.py",
            "lib/a.py",
            "lib/a.pyc",
            "target/x",
            "lib/target/y",
            "lib/node_modules/z",
            "app.py~",
            "lib/#a.py#",
            "4913",
            ".venv/z",
            "Worker/Worker.wasm",
            "targets",
        ] {
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), "").unwrap();
        }
        let component = folder.join("Worker/Worker.wasm");
        let left_out =
            LeftOut::new(&["target", "node_modules", "*.pyc"], BTreeSet::from([component.clone()]));
        assert_eq!(names(folder, &left_out), ["app.py", "lib/a.py", "lib/target/y", "targets"]);
        for (path, expected) in [
            ("lib/a.py", true),
            ("lib/new.py", true),
            ("lib/a.pyc", false),
            ("target/x", false),
            ("lib/target/x", true),
            ("lib/deep/node_modules/x", false),
            ("lib/a.py~", false),
            (".venv/z", false),
            ("Worker/Worker.wasm", false),
        ] {
            assert_eq!(left_out.admits(folder, &folder.join(path)), expected, "{path}");
        }
        assert!(!left_out.admits(folder, Path::new("/elsewhere/app.py")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_no_folder_is_looked_at_twice() {
        let (folder, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = folder.path();
        fs::write(folder.join("a"), "").unwrap();
        fs::write(shared.path().join("contract"), "").unwrap();
        for (to, name) in [
            (folder, "again"),
            (&folder.join("a"), "b"),
            (shared.path(), "wit"),
            (shared.path(), "wit2"),
            (Path::new("/nowhere"), "broken"),
        ] {
            std::os::unix::fs::symlink(to, folder.join(name)).unwrap();
        }
        assert_eq!(names(folder, &LeftOut::new(&[], BTreeSet::new())), ["a", "b", "wit2/contract"]);
    }

    #[test]
    fn a_place_that_is_a_file_or_is_not_there_is_no_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Cargo.lock");
        fs::write(&file, "").unwrap();
        let left_out = LeftOut::new(&[], BTreeSet::new());
        assert_eq!(left_out.files(&file).unwrap(), [file]);
        assert!(left_out.files(&folder.path().join("none")).unwrap().is_empty());
    }
}
