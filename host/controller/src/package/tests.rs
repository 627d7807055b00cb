//! Packages that strangers have made.

use std::io::Read;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tar::{Builder, EntryType, Header};

use super::unpack::unpack;
use super::*;

const LIMITS: PackageLimits = PackageLimits { bytes: 100_000, entries: 20 };

/// An archive with one entry of this kind, as nobody's tool would write it.
fn entry(kind: EntryType, name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn unpacked(archive: &[u8]) -> (tempfile::TempDir, Result<(), UnpackError>) {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let dir = Dir::open_ambient_dir(inside, ambient_authority()).unwrap();
    let result = unpack(archive, &dir, LIMITS);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside the folder");
    (folder, result)
}

fn refused(archive: &[u8]) -> String {
    unpacked(archive).1.unwrap_err().to_string()
}

#[test]
fn files_and_folders_are_there_afterwards_for_the_user_alone() {
    let mut builder = Builder::new(Vec::new());
    let long = format!("service/{}/{}.wasm", "a".repeat(120), "b".repeat(120));
    for (name, content) in [("package.json", "{}"), (long.as_str(), "code"), ("./service/x", "")] {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o4777);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let (folder, result) = unpacked(&builder.into_inner().unwrap());
    result.unwrap();
    let inside = folder.path().join("inside");
    assert_eq!(std::fs::read_to_string(inside.join(long)).unwrap(), "code");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(inside.join("package.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn nothing_but_files_and_folders_is_unpacked() {
    for (kind, says) in [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::new(b'Z'), "something that this host does not know"),
    ] {
        let error = refused(&entry(kind, b"service/x", b""));
        assert!(error.contains("`service/x`") && error.ends_with(says), "{error}");
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    for name in [&b"/etc/passwd"[..], b"../x", b"service/../../x", b"service\\..\\x", b"a\x1bb", b"\xff"] {
        let error = refused(&entry(EntryType::Regular, name, b"x"));
        assert!(error.contains("cannot be unpacked") && !error.contains('\x1b'), "{error}");
    }
    // The name that counts comes before its entry.
    let mut long = entry(EntryType::GNULongName, b"././@LongLink", b"../../x\0");
    long.extend(entry(EntryType::Regular, b"harmless", b"x"));
    assert!(refused(&long).contains("it has `..`"));
    let mut pax = entry(EntryType::XHeader, b"pax", b"16 path=../../x\n");
    pax.extend(entry(EntryType::Regular, b"harmless", b"x"));
    assert!(refused(&pax).contains("it has `..`"));
}

#[test]
fn no_entry_writes_over_another() {
    let twice = [entry(EntryType::Regular, b"a", b"1"), entry(EntryType::Regular, b"./a", b"2")].concat();
    assert_eq!(refused(&twice), "the package has the entry `a` twice");
    let below = [entry(EntryType::Regular, b"a", b"1"), entry(EntryType::Regular, b"a/b", b"2")].concat();
    assert_eq!(refused(&below), "the package has the entry `a` twice");
}

#[test]
fn what_is_too_large_ends_when_it_is_too_large() {
    let large = entry(EntryType::Regular, b"a", &[0; 100_001]);
    assert_eq!(refused(&large), "the package is larger than 100000 bytes");
    let many: Vec<u8> = (0..21).flat_map(|n: u8| entry(EntryType::Regular, &[b'a' + n], b"")).collect();
    assert_eq!(refused(&many), "the package is larger than 20 files and folders");
    // Folders count that come with the path of an entry.
    let deep = |n: u8| entry(EntryType::Regular, format!("{n}/2/3/4/5/6/7/8/9/x").as_bytes(), b"");
    let deep: Vec<u8> = (0..3).flat_map(deep).collect();
    assert_eq!(refused(&deep), "the package is larger than 20 files and folders");
    let note = entry(EntryType::GNULongName, b"x", &[b'a'; 70_000]);
    assert!(refused(&note).contains("longer than"), "{}", refused(&note));
}

#[test]
fn what_is_cut_or_no_archive_is_no_package() {
    let whole = entry(EntryType::Regular, b"a", &[1; 5000]);
    for archive in [&b"no archive at all"[..], &whole[..600], &whole[..5000], &[7; 1024]] {
        let error = refused(archive);
        assert!(error.starts_with("the package is no whole tar archive"), "{error}");
    }
    // A header that promises more than anybody has.
    let mut header = Header::new_gnu();
    header.set_path("a").unwrap();
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    assert!(refused(header.as_bytes()).starts_with("the package is no whole tar archive"));
}

#[test]
fn a_manifest_is_read_with_its_format_first() {
    let folder = tempfile::tempdir().unwrap();
    let open = |manifest: &str| {
        std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        Package::open(folder.path().to_owned()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(open(r#"{"format": 1, "definition": "service/x.csdef"}"#), Ok(()));
    for (manifest, says) in [
        (r#"{"format": 2, "colour": "red"}"#, "has format 2, and this host reads format 1"),
        (r#"{"format": 1}"#, "missing field `definition`"),
        (r#"{"format": 1, "definition": "../../etc/x.csdef"}"#, "names `../../etc/x.csdef`"),
        (r#"{"format": 1, "definition": "x", "certificates": "/etc/ssl"}"#, "names `/etc/ssl`"),
        (r#"{"format": 1, "definition": "x", "approots": {"Web": "a/../../b"}}"#, "it has `..`"),
        ("{", "cannot be read"),
    ] {
        let error = open(manifest).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    let missing = Package::open(folder.path().join("nowhere")).unwrap_err();
    assert_eq!(missing.to_string(), "the package has no file package.json");
}

#[tokio::test]
async fn a_package_that_breaks_off_leaves_nothing_behind() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 { Err(std::io::Error::other("gone")) } else { Ok(buffer.len()) }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (spool, to) = (folder.path().join("in/a.tar"), folder.path().join("revisions/1"));
    let error = receive(Blocking(Breaks(0)), spool.clone(), to.clone(), LIMITS).await.unwrap_err();
    assert!(matches!(error, PackageError::Broken(_) | PackageError::Unpack(_)), "{error}");
    let link = entry(EntryType::Symlink, b"x", b"");
    receive(link.as_slice(), spool.clone(), to.clone(), LIMITS).await.unwrap_err();
    assert!(!spool.exists() && !to.exists());
    let good = [
        entry(EntryType::Regular, b"package.json", br#"{"format": 1, "definition": "x.csdef"}"#),
        vec![0; 1024],
    ]
    .concat();
    receive(good.as_slice(), spool.clone(), to.clone(), LIMITS).await.unwrap();
    assert!(!spool.exists() && to.join("package.json").exists());
}

/// A reader that is always there.
struct Blocking<R>(R);

impl<R: Read + Unpin> tokio::io::AsyncRead for Blocking<R> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let mut bytes = vec![0; buffer.remaining().min(1000)];
        let length = self.0.read(&mut bytes)?;
        buffer.put_slice(&bytes[..length]);
        std::task::Poll::Ready(Ok(()))
    }
}
