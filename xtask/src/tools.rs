//! The tools of other languages, from PyPI and npm, in a folder of the project's own: `target/tools`.
//!
//! | folder | what is there |
//! |---|---|
//! | `target/tools/python` | a virtual environment with what `xtask/tools/requirements.txt` lists |
//! | `target/tools/npm` | what `xtask/tools/package.json` lists, in the versions of its lock file |
//!
//! Nothing but the roles in these languages and their tests needs them. Without an interpreter or a registry they are left
//! out, and a line says so. A stamp beside each folder holds the list that it was made from: as long as it is the same,
//! nothing is asked.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::npm;
use crate::run::{command, root, to_success};

const REQUIREMENTS: &str = include_str!("../tools/requirements.txt");
const PACKAGE: &str = include_str!("../tools/package.json");
const PACKAGE_LOCK: &str = include_str!("../tools/package-lock.json");

/// Where all tools are.
fn folder() -> PathBuf {
    root().join("target/tools")
}

/// Gets the tools that are not there yet, in the versions of the lists.
pub fn install() -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let works = |tool: &str| answers(command(folder.join(tool)));
    Stamp::new(&folder, "python", &[REQUIREMENTS])
        .unless_there(works("python/bin/componentize-py"), || python(&folder.join("python")))?;
    Stamp::new(&folder, "npm", &[PACKAGE, PACKAGE_LOCK])
        .unless_there(works("npm/node_modules/.bin/tsc"), || packages(&folder.join("npm")))
}

/// The folders of programs among the tools, before those of `PATH`.
pub fn path() -> Result<OsString> {
    let own = ["python/bin", "npm/node_modules/.bin"].map(|place| folder().join(place));
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(own.into_iter().chain(env::split_paths(&path)))
        .context("a folder of this project has a name that cannot be in PATH")
}

/// What a folder was made from.
struct Stamp {
    file: PathBuf,
    made_from: String,
}

impl Stamp {
    fn new(folder: &Path, name: &str, lists: &[&str]) -> Self {
        let file = folder.join(format!("{name}.stamp"));
        let tools = folder.join(name);
        // Scripts have the path of their interpreter in them: a folder that was moved is made anew.
        let made_from = format!("{}\n{}", tools.display(), lists.concat());
        Self { file, made_from }
    }

    /// Calls `make`, which tells whether it could, unless the folder was made from the same lists and one of its tools still works: its
    /// interpreter may be gone.
    fn unless_there(&self, works: bool, make: impl FnOnce() -> Result<bool>) -> Result<()> {
        let there =
            works && fs::read_to_string(&self.file).is_ok_and(|made_from| made_from == self.made_from);
        if !there && make()? {
            fs::write(&self.file, &self.made_from)
                .with_context(|| format!("cannot write {}", self.file.display()))?;
        }
        Ok(())
    }
}

/// Says what is left out. Where all tools have to be there (`WASM_ROLES_TOOLS=required`, as in CI), that is an error.
pub fn skipped(what: &str) -> Result<()> {
    let required = env::var_os("WASM_ROLES_TOOLS").is_some_and(|value| value == "required");
    ensure!(!required, "all tools have to be there: {what}");
    println!("skipped: {what}");
    Ok(())
}

/// A virtual environment with the tools from PyPI.
fn python(environment: &Path) -> Result<bool> {
    let Some(python) = ["python3", "python"].into_iter().find(|python| answers(command(python))) else {
        skipped("roles in Python and C: python3 is not installed")?;
        return Ok(false);
    };
    println!("Installing tools from PyPI into {}", environment.display());
    // Also where one is: its interpreter may be gone.
    if to_success(command(python).args(["-m", "venv", "--clear"]).arg(environment)).is_err() {
        skipped("roles in Python and C: python3 has no module venv (Debian's package is python3-venv)")?;
        return Ok(false);
    }
    let list = root().join("xtask/tools/requirements.txt");
    let bin = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let mut pip = command(bin.join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=1",
        "--requirement",
    ]);
    if to_success(pip.arg(list)).is_err() {
        skipped("roles in Python and C: pip cannot get their tools (is the registry within reach?)")?;
        return Ok(false);
    }
    Ok(true)
}

/// The tools from npm.
fn packages(folder: &Path) -> Result<bool> {
    if !npm::is_there() {
        skipped("roles in JavaScript: node and npm are not installed")?;
        return Ok(false);
    }
    println!("Installing tools from npm into {}", folder.display());
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", PACKAGE_LOCK)] {
        fs::write(folder.join(name), text)
            .with_context(|| format!("cannot write {name} in {}", folder.display()))?;
    }
    if !npm::installs(folder) {
        skipped("roles in JavaScript: npm cannot get their tools (is the registry within reach?)")?;
        return Ok(false);
    }
    Ok(true)
}

/// Whether a program is there.
pub fn answers(mut program: Command) -> bool {
    let status = program.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
