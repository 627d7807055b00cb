//! A service in a folder of its own, and a cargo that is a shell script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;
use wasm_roles_service_model::RoleName;
use wasm_roles_workshop::{
    BuildOptions, BuildReport, Failed, Outcome, Progress, RoleReport, ToolSearch, Workshop,
};

const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition";

/// Makes a component of `source.rs`, beside it, and says so as cargo does. It notes in `runs` that it ran. `broken` in the source is
/// an error, `core` makes a core module, `silent` makes nothing, and what stands behind `reads:` it has read too.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "cargo ${CARGO_VERSION:-1.2.3}"; exit; fi
echo "${PWD##*/}" >> "${0%/*}/runs"
echo "$*" >> "${0%/*}/arguments"
if grep -q broken source.rs; then echo "error: it is broken" >&2; echo '{"reason":"build-finished"}'; exit 101; fi
mkdir -p target
{ if grep -q core source.rs; then printf '\000asm\001\000\000\000'; else printf '\000asm\015\000\001\000'; fi; cat source.rs; } > target/made.wasm
echo "$PWD/target/made.wasm: $PWD/source.rs $(sed -n 's/^reads://p' source.rs)" > target/made.d
[ -e Cargo.lock ] || echo locked > Cargo.lock
if ! grep -q silent source.rs; then
  echo "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"$PWD/Cargo.toml\",\"filenames\":[\"$PWD/target/made.wasm\"]}"
fi
"#;

const RUSTC: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "rustc 1.2.3"; else echo "${0%/*}"; fi
"#;

/// A component with these bytes in it, as the script makes it.
pub fn component(source: &str) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".as_slice(), source.as_bytes()].concat()
}

pub fn role(name: &str) -> RoleName {
    RoleName::new(name).unwrap()
}

pub struct Bench {
    folder: TempDir,
    heard: Mutex<Vec<String>>,
}

impl Bench {
    /// A service with these worker roles, and tools. Nobody has sources yet.
    pub fn new(roles: &[&str]) -> Self {
        let elements: String = roles.iter().map(|role| format!("<WorkerRole name=\"{role}\" />")).collect();
        Self::of(&elements)
    }

    /// A service with these elements.
    pub fn of(elements: &str) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), heard: Mutex::default() };
        bench.write(
            "service/S.csdef",
            format!("<ServiceDefinition name=\"S\" xmlns=\"{NAMESPACE}\">{elements}</ServiceDefinition>"),
        );
        bench.tool("cargo", CARGO);
        bench.tool("rustc", RUSTC);
        bench
    }

    /// Sources of a role in the usual place.
    pub fn sources(self, role: &str, source: &str) -> Self {
        self.sources_in(&format!("roles/{role}"), source)
    }

    pub fn sources_in(self, folder: &str, source: &str) -> Self {
        self.write(&format!("service/{folder}/Cargo.toml"), "[package]\nname = \"x\"\n");
        self.write(&format!("service/{folder}/source.rs"), source);
        self
    }

    pub fn tool(&self, name: &str, script: &str) {
        let path = self.write(&format!("tools/{name}"), script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn write(&self, file: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// The folder of the definition, without links.
    pub fn service(&self) -> PathBuf {
        self.folder.path().join("service").canonicalize().unwrap()
    }

    pub fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    pub fn workshop(&self) -> Workshop {
        Workshop::open(&self.folder.path().join("service/S.csdef")).unwrap()
    }

    pub fn options(&self) -> BuildOptions {
        // The shell's own programs lie where every system has them.
        let folders = [self.tools(), PathBuf::from("/usr/bin"), PathBuf::from("/bin")];
        BuildOptions { tools: ToolSearch::in_folders(folders), ..BuildOptions::default() }
    }

    pub fn build(&self, roles: &[&str]) -> BuildReport {
        let roles: Vec<RoleName> = roles.iter().map(|name| role(name)).collect();
        self.workshop().build(&roles, &self.options(), &|progress| self.hears(progress)).unwrap()
    }

    fn hears(&self, progress: Progress<'_>) {
        let words = match progress {
            // A tool of another test may have the lock for the moment between its beginning and its program's.
            Progress::Waiting => return,
            Progress::Runs { roles, command, .. } => {
                let command = command.split(' ').next().unwrap();
                format!("{} {command}", roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join("+"))
            }
            Progress::Ended(report) => format!("{} ended", report.role),
            other => panic!("{other:?}"),
        };
        self.heard.lock().unwrap().push(words);
    }

    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// The source folders for which cargo ran since the last question.
    pub fn runs(&self) -> Vec<String> {
        let file = self.tools().join("runs");
        let runs = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        let mut runs: Vec<String> = runs.lines().map(str::to_owned).collect();
        runs.sort();
        runs
    }

    pub fn component(&self, role: &str) -> Vec<u8> {
        fs::read(self.service().join(format!("{role}/{role}.wasm"))).unwrap()
    }
}

pub fn outcome<'a>(report: &'a BuildReport, name: &str) -> &'a Outcome {
    &report_of(report, name).outcome
}

pub fn report_of<'a>(report: &'a BuildReport, name: &str) -> &'a RoleReport {
    report.roles.iter().find(|report| report.role.as_str() == name).unwrap()
}

pub fn failed<'a>(report: &'a BuildReport, name: &str) -> &'a Failed {
    match outcome(report, name) {
        Outcome::Failed(failed) => failed,
        other => panic!("{name}: {other:?}"),
    }
}

/// Whether a folder holds nothing that a build has left half done.
pub fn is_tidy(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with('.'))
}
