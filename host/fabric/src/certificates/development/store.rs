//! Where a certificate for development is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasm_roles_service_plan::{CertificateName, RoleName};

use super::super::{StoredCertificate, folder, pem};
use super::{NotKept, own};
use crate::data_folder::create_private;

/// The two files of a certificate, in the folder of its role: names of roles and of certificates have dots, so that the two in
/// one name could mean another pair.
pub(super) struct Place {
    /// That of all roles.
    folder: PathBuf,
    of_role: PathBuf,
    /// The certificate alone: what can be given to others.
    pub(super) certificate: PathBuf,
    key: PathBuf,
}

impl Place {
    pub(super) fn new(folder: &Path, role: &RoleName, name: &CertificateName) -> Self {
        let of_role = folder.join(role.as_str());
        let file = |ending: &str| of_role.join(format!("{name}.{ending}"));
        Self { folder: folder.to_owned(), certificate: file("pem"), key: file("key"), of_role }
    }

    /// What is there; none when it is not all there, or cannot be read, or others could have read or changed it, so that
    /// it is made anew.
    pub(super) fn read(&self) -> Option<StoredCertificate> {
        self.folders().into_iter().try_for_each(own::check_folder).ok()?;
        let contents = |file: File| pem::read(&folder::text_of(file).ok()?).ok();
        let chain = contents(own::open(&self.certificate).ok()?)?.certificates;
        let key = contents(own::open_private(&self.key).ok()?)?.key?;
        Some(StoredCertificate { chain, key: Some(key) })
    }

    /// Writes both files, unless others could change them. When it is interrupted the two do not belong together, and are
    /// made anew.
    pub(super) fn write(&self, made: &StoredCertificate) -> Result<(), NotKept> {
        for folder in self.folders() {
            let made = create_private(folder).and_then(|()| own::check_folder(folder));
            made.map_err(|error| (folder.to_owned(), error))?;
        }
        let key = made.key.as_ref().and_then(pem::key_section).unwrap_or_default();
        let chain: String =
            made.chain.iter().map(|certificate| pem::section("CERTIFICATE", certificate)).collect();
        replace(&self.key, &key, 0o600).map_err(|error| (self.key.clone(), error))?;
        replace(&self.certificate, &chain, 0o644).map_err(|error| (self.certificate.clone(), error))
    }

    /// From the outer one to the inner one.
    fn folders(&self) -> [&Path; 2] {
        [&self.folder, &self.of_role]
    }
}

/// Writes a new file with these rights beside the old one, and puts it in its place: the rights hold before a byte is in it.
fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let new = file.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, file)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::SystemTime;

    use super::super::make::make;
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A certificate that is kept, below a folder of the test's.
    fn kept() -> (tempfile::TempDir, Place, StoredCertificate) {
        let parent = tempfile::tempdir().unwrap();
        let (role, name) = (RoleName::new("Web").unwrap(), CertificateName::new("Api.Tls").unwrap());
        let place = Place::new(&parent.path().join("kept"), &role, &name);
        let made = make(&["localhost".to_owned()], SystemTime::now()).unwrap();
        place.write(&made).unwrap();
        assert_eq!(place.read().unwrap().chain, made.chain);
        (parent, place, made)
    }

    #[test]
    fn folders_and_key_are_made_for_the_user_alone() {
        let (parent, place, _) = kept();
        let at = |path: &str| parent.path().join("kept").join(path);
        assert_eq!((mode(&at("")), mode(&at("Web")), mode(&at("Web/Api.Tls.key"))), (0o700, 0o700, 0o600));
        assert_eq!(place.certificate, at("Web/Api.Tls.pem"));
    }

    #[test]
    fn a_key_that_others_can_read_or_write_is_not_used_and_made_anew() {
        let (_parent, place, made) = kept();
        for others in [0o640, 0o604, 0o620, 0o602] {
            set_mode(&place.key, others);
            assert!(place.read().is_none(), "{others:o}");
            place.write(&made).unwrap();
            assert_eq!(mode(&place.key), 0o600);
            assert!(place.read().is_some());
        }
    }

    #[test]
    fn a_link_is_not_followed_and_a_file_takes_its_place() {
        for is_key in [true, false] {
            let (parent, place, made) = kept();
            let file = if is_key { &place.key } else { &place.certificate };
            let elsewhere = parent.path().join("elsewhere");
            fs::rename(file, &elsewhere).unwrap();
            symlink(&elsewhere, file).unwrap();
            assert!(place.read().is_none());
            let before = fs::read(&elsewhere).unwrap();
            place.write(&make(&["localhost".to_owned()], SystemTime::now()).unwrap()).unwrap();
            assert!(fs::symlink_metadata(file).unwrap().is_file());
            assert_eq!(fs::read(&elsewhere).unwrap(), before);
            assert_ne!(place.read().unwrap().chain, made.chain);
        }
    }

    #[test]
    fn a_folder_that_others_can_write_to_has_no_keys_and_gets_none() {
        let (_parent, place, made) = kept();
        for folder in [place.folder.clone(), place.of_role.clone()] {
            for others in [0o770, 0o707, 0o1777] {
                set_mode(&folder, others);
                assert!(place.read().is_none(), "{others:o}");
                fs::remove_file(&place.key).unwrap();
                let (at, error) = place.write(&made).unwrap_err();
                assert_eq!((&at, error.kind()), (&folder, io::ErrorKind::PermissionDenied));
                assert!(error.to_string().starts_with("other users can write to it: "), "{error}");
                assert!(!place.key.exists());
                set_mode(&folder, 0o700);
                place.write(&made).unwrap();
            }
        }
    }

    #[test]
    fn a_link_to_a_folder_is_no_folder() {
        let (parent, place, made) = kept();
        let elsewhere = parent.path().join("elsewhere");
        for folder in [place.of_role.clone(), place.folder.clone()] {
            fs::rename(&folder, &elsewhere).unwrap();
            symlink(&elsewhere, &folder).unwrap();
            assert!(place.read().is_none());
            let (at, error) = place.write(&made).unwrap_err();
            assert_eq!((&at, error.kind()), (&folder, io::ErrorKind::PermissionDenied));
            fs::remove_file(&folder).unwrap();
            fs::rename(&elsewhere, &folder).unwrap();
        }
    }
}
