//! Building role components and putting each where its service, or its test, looks for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::components::{EXAMPLES, LANGUAGE_GUESTS, POLYGLOT, SDK, SDK_EXAMPLES, STOCK_GUESTS, test_guests};
use crate::npm;
use crate::run::{cargo, root, to_success};
use crate::target::{self, TARGET};
use crate::tools;

/// The cargo profile of role components.
const PROFILE: &str = "guest";

/// Builds all components.
pub fn build() -> Result<()> {
    in_rust()?;
    npm::build()?;
    polyglot()
}

/// Builds the components in Rust, then copies them.
pub fn in_rust() -> Result<()> {
    target::ensure_installed()?;
    for mut selection in cargo_with_selections("build")? {
        to_success(&mut selection)?;
    }

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
    Ok(())
}

/// Builds the example of several languages as people do, with the tools of this project, and compiles it: the first start of a role in
/// Python takes long. Where a tool is missing, its role is left out.
fn polyglot() -> Result<()> {
    tools::install()?;
    let mut build = program("build")?;
    let output =
        build.args(["--format", "json"]).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    let report = String::from_utf8_lossy(&output.stdout);
    let failed = report.matches("\"outcome\": \"failed\"").count();
    let missing = report.matches("is not installed\"").count();
    if output.status.success() {
        return to_success(program("compile")?.arg("--cache-dir").arg(root().join("target/test-cache")));
    }
    ensure!(failed > 0 && failed == missing, "the roles of {POLYGLOT} cannot be built:\n{report}");
    tools::skipped(&format!("roles of {POLYGLOT}: a tool of their language is not installed"))
}

/// `wasm-roles <command>` for the example of several languages.
fn program(command: &str) -> Result<Command> {
    let mut cargo = cargo();
    cargo
        .args(["run", "--quiet", "--package", "wasm-roles", "--", command, POLYGLOT])
        .env("PATH", tools::path()?);
    Ok(cargo)
}

/// `cargo <subcommand>` for all packages that become components: for most of them, and for the stock guests.
pub fn cargo_with_selections(subcommand: &str) -> Result<[Command; 2]> {
    let mut selections = [cargo(), cargo()];
    for cargo in &mut selections {
        cargo.args([subcommand, "--target", TARGET, "--profile", PROFILE, "--lib", "--bins"]);
    }
    let [most, stock] = &mut selections;
    most.args(["--examples", "--package", SDK]);
    for (package, _) in EXAMPLES {
        most.args(["--package", package]);
    }
    for guest in test_guests(&root())? {
        let cargo = if STOCK_GUESTS.contains(&guest.as_str()) { &mut *stock } else { &mut *most };
        cargo.arg("--package").arg(format!("guest-{guest}"));
    }
    for guest in LANGUAGE_GUESTS {
        most.args(["--package", guest]);
    }
    Ok(selections)
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
