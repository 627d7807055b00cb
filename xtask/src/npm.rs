//! Components that npm builds. Nothing but their own tests needs them: without node, npm or the registry they are left out, and
//! a line says so.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::components::NPM_EXAMPLES;
use crate::run::{command, root, to_success};
use crate::tools::answers;

/// Builds those that are older than what they are made of.
pub fn build() -> Result<()> {
    let examples = root().join("examples");
    for (package, component) in NPM_EXAMPLES {
        let (folder, component) = (examples.join(package), examples.join(component));
        if is_newer(&component, &folder) {
            continue;
        }
        if !is_there() {
            println!("skipped: examples/{package}: node and npm are not installed");
        } else if !installs(&folder) {
            println!(
                "skipped: examples/{package}: npm cannot get its packages (is the registry within reach?)"
            );
        } else {
            to_success(npm().current_dir(&folder).args(["run", "--silent", "build"]))?;
        }
    }
    Ok(())
}

/// Whether a component is newer than every file of its package. The packages that it needs are one of them: the lock file.
fn is_newer(component: &Path, folder: &Path) -> bool {
    let (Ok(made), Ok(files)) = (written(component), fs::read_dir(folder)) else { return false };
    let files = files.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    files.map(|path| written(&path)).all(|time| time.is_ok_and(|time| time < made))
}

fn written(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// Whether npm can be used.
pub fn is_there() -> bool {
    answers(command("node")) && answers(npm())
}

/// Gets the packages in the versions of the lock file, from the registry or from npm's own store. Not with `npm ci`: it refuses a
/// lock file that was written where the registry does not have the binaries of every other platform.
pub fn installs(folder: &Path) -> bool {
    let mut npm = npm();
    npm.current_dir(folder).args([
        "install",
        "--no-save",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=1",
    ]);
    to_success(&mut npm).is_ok()
}

fn npm() -> Command {
    command(if cfg!(windows) { "npm.cmd" } else { "npm" })
}
