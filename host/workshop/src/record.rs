//! What was built last, from what: `<service>/.wasm-roles/build.json`.
//!
//! The record can be lost at any time: what it does not know is built again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasm_roles_service_model::RoleName;

use crate::fingerprint::Digest;

const FILE: &str = "build.json";
/// Raised when the meaning of the file changes; another one's is ignored.
const FORMAT: u32 = 1;

/// What is known about the last builds.
#[derive(Debug)]
pub(crate) struct Record {
    file: PathBuf,
    written: Written,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    format: u32,
    roles: BTreeMap<String, Entry>,
}

/// The last build of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What it was made of.
    pub(crate) made_of: Digest,
    /// What came of it.
    pub(crate) component: Digest,
    /// Files that the tool has read beside those that the language's own files name.
    #[serde(default)]
    pub(crate) read: Vec<PathBuf>,
}

impl Record {
    /// Reads the record in this folder; what cannot be read is nothing.
    pub(crate) fn read(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let bytes = fs::read(&file).unwrap_or_default();
        let written =
            serde_json::from_slice::<Written>(&bytes).ok().filter(|written| written.format == FORMAT);
        Self { file, written: written.unwrap_or(Written { format: FORMAT, roles: BTreeMap::new() }) }
    }

    /// Files that were read for the role's component beside those that the language's own files name.
    pub(crate) fn read_for(&self, role: &RoleName) -> &[PathBuf] {
        self.written.roles.get(role.as_str()).map(|entry| entry.read.as_slice()).unwrap_or_default()
    }

    /// Whether the role's component is `component` still, and was made of the same.
    pub(crate) fn is_fresh(&self, role: &RoleName, made_of: &Digest, component: &Path) -> bool {
        let known = self.written.roles.get(role.as_str()).filter(|entry| entry.made_of == *made_of);
        known.is_some_and(|entry| Digest::of_file(component).is_ok_and(|found| found == entry.component))
    }

    /// Keeps what is known about a role.
    pub(crate) fn keep(&mut self, role: &RoleName, entry: Entry) -> io::Result<()> {
        self.written.roles.insert(role.as_str().to_owned(), entry);
        let mut text = serde_json::to_vec_pretty(&self.written)?;
        text.push(b'\n');
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, &text)?;
        file.persist(&self.file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_fresh_until_it_or_what_it_was_made_of_changes() {
        let folder = tempfile::tempdir().unwrap();
        let role = RoleName::new("Worker").unwrap();
        let component = folder.path().join("Worker.wasm");
        let sources = folder.path().join("source");
        fs::write(&component, "component").unwrap();
        fs::write(&sources, "source").unwrap();
        let entry = Entry {
            made_of: Digest::of_file(&sources).unwrap(),
            component: Digest::of_file(&component).unwrap(),
            read: Vec::new(),
        };
        Record::read(folder.path()).keep(&role, entry.clone()).unwrap();

        let record = Record::read(folder.path());
        assert!(record.is_fresh(&role, &entry.made_of, &component));
        assert!(!record.is_fresh(&RoleName::new("Web").unwrap(), &entry.made_of, &component));
        assert!(!record.is_fresh(&role, &entry.component, &component), "made of something else");
        fs::write(&component, "another").unwrap();
        assert!(!record.is_fresh(&role, &entry.made_of, &component));
        fs::remove_file(&component).unwrap();
        assert!(!record.is_fresh(&role, &entry.made_of, &component));
    }

    #[test]
    fn a_damaged_record_is_an_empty_one_and_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let role = RoleName::new("Worker").unwrap();
        let component = folder.path().join("Worker.wasm");
        fs::write(&component, "component").unwrap();
        let digest = Digest::of_file(&component).unwrap();
        for damaged in ["", "{", "[]", r#"{"format":99,"roles":{}}"#, r#"{"format":1}"#] {
            fs::write(folder.path().join(FILE), damaged).unwrap();
            let mut record = Record::read(folder.path());
            assert!(!record.is_fresh(&role, &digest, &component), "{damaged}");
            record
                .keep(&role, Entry { made_of: digest.clone(), component: digest.clone(), read: Vec::new() })
                .unwrap();
            assert!(Record::read(folder.path()).is_fresh(&role, &digest, &component), "{damaged}");
        }
    }
}
