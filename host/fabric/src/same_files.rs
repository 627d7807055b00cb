//! Whether two folders have the same files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// Whether both have the same files under the same names, to the byte, all the way down. Symbolic links are the same when they lead
/// to the same place. What cannot be read is not the same as anything. It blocks.
pub(crate) fn same_files(one: &Path, other: &Path) -> bool {
    let mut pairs = vec![(one.to_owned(), other.to_owned())];
    while let Some((one, other)) = pairs.pop() {
        let (Ok(in_one), Ok(in_other)) = (entries(&one), entries(&other)) else { return false };
        if !in_one.keys().eq(in_other.keys()) {
            return false;
        }
        for ((name, kind), of_other) in in_one.iter().zip(in_other.values()) {
            let (one, other) = (one.join(name), other.join(name));
            let same = match (Kind::of(*kind), Kind::of(*of_other)) {
                (Kind::Folder, Kind::Folder) => {
                    pairs.push((one, other));
                    true
                }
                (Kind::File, Kind::File) => same_bytes(&one, &other).unwrap_or(false),
                (Kind::Link, Kind::Link) => {
                    matches!((fs::read_link(one), fs::read_link(other)), (Ok(one), Ok(other)) if one == other)
                }
                _ => false,
            };
            if !same {
                return false;
            }
        }
    }
    true
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
    Other,
}

impl Kind {
    fn of(kind: FileType) -> Self {
        match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
            (true, _, _) => Self::Folder,
            (_, true, _) => Self::File,
            (_, _, true) => Self::Link,
            _ => Self::Other,
        }
    }
}

fn entries(folder: &Path) -> io::Result<BTreeMap<OsString, FileType>> {
    fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
        .collect()
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    const PIECE: u64 = 64 << 10;
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    loop {
        of_one.clear();
        of_other.clear();
        (&mut one).take(PIECE).read_to_end(&mut of_one)?;
        (&mut other).take(PIECE).read_to_end(&mut of_other)?;
        if of_one != of_other {
            return Ok(false);
        }
        if of_one.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two folders that have the same: a file, and a file below.
    fn two() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "other"] {
            let folder = folder.path().join(name);
            fs::create_dir_all(folder.join("below")).unwrap();
            fs::write(folder.join("file"), vec![7; 100_000]).unwrap();
            fs::write(folder.join("below/file"), "deep").unwrap();
        }
        folder
    }

    #[test]
    fn folders_are_the_same_until_a_single_byte_or_name_differs() {
        let mut last_byte = vec![7; 100_000];
        last_byte[99_999] = 8;
        type Change<'a> = &'a dyn Fn(&Path);
        let changes: [(&str, Change<'_>); 6] = [
            ("another byte at the end", &|folder| fs::write(folder.join("file"), &last_byte).unwrap()),
            ("a longer file", &|folder| fs::write(folder.join("below/file"), "deep!").unwrap()),
            ("one more", &|folder| fs::write(folder.join("below/new"), "").unwrap()),
            ("one less", &|folder| fs::remove_file(folder.join("file")).unwrap()),
            ("another name", &|folder| fs::rename(folder.join("file"), folder.join("File")).unwrap()),
            ("a folder for a file", &|folder| {
                fs::remove_file(folder.join("file")).unwrap();
                fs::create_dir(folder.join("file")).unwrap();
            }),
        ];
        for (what, change) in changes {
            let folder = two();
            let (one, other) = (folder.path().join("one"), folder.path().join("other"));
            assert!(same_files(&one, &other));
            change(&other);
            assert!(!same_files(&one, &other) && !same_files(&other, &one), "{what}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_the_same() {
        let folder = two();
        assert!(!same_files(&folder.path().join("one"), &folder.path().join("gone")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_the_same_when_they_lead_to_the_same_place() {
        let folder = two();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::os::unix::fs::symlink("file", one.join("link")).unwrap();
        std::os::unix::fs::symlink("file", other.join("link")).unwrap();
        assert!(same_files(&one, &other));
        fs::remove_file(other.join("link")).unwrap();
        std::os::unix::fs::symlink("below", other.join("link")).unwrap();
        assert!(!same_files(&one, &other));
    }
}
