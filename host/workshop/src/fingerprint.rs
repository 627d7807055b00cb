//! What a component was made of, as one number: the contents of the files, the recipe, the versions of its tools.
//!
//! Times of files do not matter: a checkout gives them new ones, and an archive old ones.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// A SHA-256 digest, written in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Digest(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Digest {
    fn of(context: Context) -> Self {
        Self(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Of what the file holds.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut buffer)?;
            match buffer.get(..count) {
                None | Some([]) => return Ok(Self::of(context)),
                Some(bytes) => context.update(bytes),
            }
        }
    }
}

/// Files with what they held when they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents(BTreeMap<PathBuf, Digest>);

impl Contents {
    /// Reads the files. One that is gone by now is left out: the next look finds out the same.
    pub(crate) fn read(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, (PathBuf, io::Error)> {
        let mut contents = BTreeMap::new();
        for file in files {
            match Digest::of_file(&file) {
                Ok(digest) => drop(contents.insert(file, digest)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((file, error)),
            }
        }
        Ok(Self(contents))
    }

    /// Both together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Made of these files with tools and a recipe that `made_with` describes. Files below `service` count by their place there, so
    /// that a service can be moved.
    pub(crate) fn fingerprint(&self, service: &Path, made_with: &[String]) -> Digest {
        let mut context = Context::new(&SHA256);
        // Lengths in front keep what follows each other apart.
        let mut field = |bytes: &[u8]| {
            context.update(bytes.len().to_string().as_bytes());
            context.update(b":");
            context.update(bytes);
        };
        made_with.iter().for_each(|word| field(word.as_bytes()));
        for (path, digest) in &self.0 {
            field(path.strip_prefix(service).unwrap_or(path).as_os_str().as_encoded_bytes());
            field(digest.0.as_bytes());
        }
        Digest::of(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn fingerprint(service: &Path, made_with: &[&str]) -> Digest {
        let files = ["a", "b"].map(|name| service.join(name));
        let made_with: Vec<String> = made_with.iter().map(|word| (*word).to_owned()).collect();
        Contents::read(files).unwrap().fingerprint(service, &made_with)
    }

    #[test]
    fn a_service_that_was_moved_has_the_same_fingerprint_and_one_that_was_changed_has_not() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&one, &other] {
            fs::write(folder.path().join("a"), "1").unwrap();
            fs::write(folder.path().join("b"), "2").unwrap();
        }
        let known = fingerprint(one.path(), &["cargo 1"]);
        assert_eq!(fingerprint(other.path(), &["cargo 1"]), known);
        assert_ne!(fingerprint(one.path(), &["cargo 2"]), known);
        fs::write(other.path().join("b"), "3").unwrap();
        assert_ne!(fingerprint(other.path(), &["cargo 1"]), known);
        fs::remove_file(one.path().join("b")).unwrap();
        assert_ne!(fingerprint(one.path(), &["cargo 1"]), known);
    }

    #[test]
    fn words_cannot_be_taken_for_others() {
        let service = tempfile::tempdir().unwrap();
        assert_ne!(fingerprint(service.path(), &["ab", "c"]), fingerprint(service.path(), &["a", "bc"]));
    }
}
