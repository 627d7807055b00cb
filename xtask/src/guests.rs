//! Building role components and putting each where its service, or its test, looks for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::components::{EXAMPLES, SDK, SDK_EXAMPLES, test_guests};
use crate::npm;
use crate::run::{cargo, root, to_success};
use crate::target::{self, TARGET};

/// The cargo profile of role components.
const PROFILE: &str = "guest";

/// Builds all components in one go of cargo, then copies them.
pub fn build() -> Result<()> {
    target::ensure_installed()?;
    to_success(&mut cargo_with_selection("build")?)?;

    let root = root();
    let built = root.join("target").join(TARGET).join(PROFILE);
    for (package, places) in EXAMPLES {
        for place in *places {
            copy(&artifact(&built, package)?, &root.join("examples").join(place))?;
        }
    }
    let guests = root.join("target/guests");
    for example in SDK_EXAMPLES {
        copy(&artifact(&built.join("examples"), example)?, &guests.join(format!("sdk-{example}.wasm")))?;
    }
    for guest in test_guests(&root)? {
        copy(&artifact(&built, &format!("guest-{guest}"))?, &guests.join(format!("{guest}.wasm")))?;
    }
    npm::build()
}

/// `cargo <subcommand>` for all packages that become components.
pub fn cargo_with_selection(subcommand: &str) -> Result<Command> {
    let mut cargo = cargo();
    cargo.args([subcommand, "--target", TARGET, "--profile", PROFILE, "--lib", "--bins", "--examples"]);
    cargo.args(["--package", SDK]);
    for (package, _) in EXAMPLES {
        cargo.args(["--package", package]);
    }
    for guest in test_guests(&root())? {
        cargo.arg("--package").arg(format!("guest-{guest}"));
    }
    Ok(cargo)
}

/// The component that cargo made of a package or an example: a program keeps the hyphens of its name, a library has
/// underscores for them.
fn artifact(folder: &Path, name: &str) -> Result<PathBuf> {
    let program = folder.join(format!("{name}.wasm"));
    let library = folder.join(format!("{}.wasm", name.replace('-', "_")));
    [program, library]
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("cargo has built no component of {name} in {}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
