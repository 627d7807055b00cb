//! Local storage with a quota, over WASI 0.2 and 0.3: the same script, the same answers.
//!
//! A script is what the guest does one after the other; beside each command is what the guest says about it.

mod attacks;
mod quota;

use std::fs;
use std::path::PathBuf;

use wasm_roles_role_runtime::{End, Preopen, RoleComponent};

use crate::bed::Bed;

const GUESTS: [&str; 2] = ["storage-p2", "storage-p3"];

/// The quota of the store, in bytes.
const QUOTA: u64 = 10_000;

/// A directory of the host with the store in it, a second store, and something that is nobody's business.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["store", "other", "approot"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("secret"), "secret").unwrap();
        fs::write(folder.path().join("approot/program"), "program").unwrap();
        Self { folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn preopens(&self) -> Vec<Preopen> {
        let preopen = |name: &str, quota_bytes: Option<u64>| Preopen {
            guest_path: format!("/{name}"),
            directory: self.at(name),
            writable: quota_bytes.is_some(),
            quota_bytes,
        };
        vec![preopen("store", Some(QUOTA)), preopen("other", Some(QUOTA)), preopen("approot", None)]
    }

    /// The answers of one incarnation to these commands.
    async fn answers(&self, bed: &Bed, guest: &RoleComponent, commands: &[&str]) -> Vec<String> {
        let mut started =
            bed.start_with(guest, &commands.join(" ; "), |spec| spec.preopens = self.preopens());
        let mut answers = Vec::new();
        while let Some(line) = started.stdout.next_line().await {
            answers.push(String::from_utf8(line.bytes).unwrap());
        }
        assert_eq!(started.instance.ended().await, End::RunReturned { result: Ok(()) });
        answers
    }
}

/// Runs the script with each guest, on a disk of its own, in one incarnation.
async fn each_guest_answers(script: &[(&str, &str)]) {
    for guest in GUESTS {
        let bed = Bed::new();
        check(&bed, &bed.load(guest), &Host::new(), script, guest).await;
    }
}

async fn check(bed: &Bed, guest: &RoleComponent, host: &Host, script: &[(&str, &str)], name: &str) {
    let commands: Vec<&str> = script.iter().map(|(command, _)| *command).collect();
    let answers = host.answers(bed, guest, &commands).await;
    for (position, (command, expected)) in script.iter().enumerate() {
        let answer = answers.get(position).map(String::as_str);
        let expected = if name == "storage-p2" {
            as_wasi_libc_tells_it(command, expected)
        } else {
            (*expected).to_owned()
        };
        assert_eq!(answer, Some(expected.as_str()), "{name}: `{command}`, of {answers:#?}");
    }
}

/// The standard library writes to streams, and wasi-libc makes an I/O error of whatever happens to a stream.
fn as_wasi_libc_tells_it(command: &str, expected: &str) -> String {
    let writes = ["write", "append", "held-write"].iter().any(|verb| command.starts_with(verb));
    if writes { expected.replace("quota", "io") } else { expected.to_owned() }
}
