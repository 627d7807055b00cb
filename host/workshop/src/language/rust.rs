//! Rust, with cargo: `cargo build --target wasm32-wasip2`.
//!
//! Cargo chooses where the component lies and says so in its messages, which are asked for as JSON. Its errors are still
//! written for people.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Language, Recipe};
use crate::depfile;
use crate::project::Project;
use crate::step::Step;
use crate::tool::{MissingTool, Tool, ToolSearch, Tools, Wanted};

/// The target of role components.
const TARGET: &str = "wasm32-wasip2";
const MANIFEST: &str = "Cargo.toml";
/// How many folders path dependencies may lead to; more is a mistake or a joke.
const MAX_DEPENDENCIES: usize = 200;

const CARGO: Wanted =
    Wanted { program: "cargo", version: &["--version"], get: "install Rust from https://rustup.rs" };
const RUSTC: Wanted =
    Wanted { program: "rustc", version: &["--version"], get: "install Rust from https://rustup.rs" };

/// The recipe.
#[derive(Debug)]
pub(super) struct Rust;

impl Recipe for Rust {
    fn language(&self) -> Language {
        Language::Rust
    }

    fn manifests(&self) -> &'static [&'static str] {
        &[MANIFEST]
    }

    fn left_out(&self) -> &'static [&'static str] {
        &["target"]
    }

    fn settled(&self) -> &'static [&'static str] {
        &["Cargo.lock"]
    }

    fn tools(&self, project: &Project, search: &ToolSearch) -> Result<Tools, Vec<MissingTool>> {
        let cargo = search.find(project, &CARGO);
        let rustc = search.find(project, &RUSTC);
        let (cargo, rustc) = match (cargo, rustc) {
            (Ok(cargo), Ok(rustc)) => (cargo, rustc),
            (Err(cargo), _) => return Err(vec![cargo]),
            (Ok(_), Err(rustc)) => return Err(vec![rustc]),
        };
        if let Some(missing) = missing_target(project, search, &rustc) {
            return Err(vec![missing]);
        }
        Ok(Tools::default().with("cargo", cargo).with("rustc", rustc))
    }

    fn also_made_of(&self, project: &Project) -> Vec<PathBuf> {
        path_dependencies(project)
    }

    fn build(&self, project: &Project, tools: &Tools, _component: &Path) -> Result<Vec<Step>, String> {
        let profile = project.profile().unwrap_or("release");
        let build = tools.step("cargo").args(["build", "--target", TARGET, "--profile", profile]);
        let build = build.args(["--message-format", "json-render-diagnostics"]).printing_for_programs();
        // Nobody watches, and whoever reads it later may not have a terminal.
        Ok(vec![build.variable("CARGO_TERM_COLOR", "never").variable("CARGO_TERM_PROGRESS_WHEN", "never")])
    }

    fn component(&self, project: &Project, printed: &str, _component: &Path) -> Result<PathBuf, String> {
        let made = components(printed, &project.source().join(MANIFEST));
        match made.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                Err("cargo has made no component of this package\n  a role is a library with `crate-type = \
                       [\"cdylib\"]`, or a program"
                    .to_owned())
            }
            several => {
                let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
                Err(format!(
                    "cargo has made several components of this package, and a role is one of them: {}",
                    names.join(", ")
                ))
            }
        }
    }

    // Cargo says so beside what it makes: files that macros include, and what build scripts ask for, too.
    fn also_read(&self, _project: &Project, made: &Path) -> Vec<PathBuf> {
        let text = std::fs::read_to_string(made.with_extension("d")).unwrap_or_default();
        depfile::files(&text)
    }

    fn test(&self, _project: &Project, tools: &Tools) -> Vec<Step> {
        vec![tools.step("cargo").arg("test")]
    }
}

/// Says what to do when the standard library for components is not there.
fn missing_target(project: &Project, search: &ToolSearch, rustc: &Tool) -> Option<MissingTool> {
    let folder = search.printed(project, &rustc.path, &["--print", "target-libdir", "--target", TARGET]);
    let missing = |why: String, get: &str| {
        Some(MissingTool { tool: format!("Rust's target {TARGET}"), why, get: get.to_owned() })
    };
    match folder {
        Ok(folder) if Path::new(&folder).is_dir() => None,
        Ok(_) => missing("is not installed".to_owned(), "run `rustup target add wasm32-wasip2`"),
        Err(why) => missing(
            format!("is not known to {}: {why}", rustc.path.display()),
            "install a newer Rust, from https://rustup.rs, then run `rustup target add wasm32-wasip2`",
        ),
    }
}

/// A message of cargo, as far as it is needed.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The components that cargo made of the package with this manifest.
fn components(printed: &str, manifest: &Path) -> Vec<PathBuf> {
    let messages = printed.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let of_package = messages.filter(|message| {
        message.reason == "compiler-artifact" && same_file(&message.manifest_path, manifest)
    });
    let files = of_package.flat_map(|message| message.filenames);
    let is_component = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
    files.filter(is_component).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Cargo writes paths without links.
fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The folders of packages that the sources depend on by path, directly or not, and the files of the workspace above them.
fn path_dependencies(project: &Project) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![project.source().to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        if seen.len() >= MAX_DEPENDENCIES || !seen.insert(folder.clone()) {
            continue;
        }
        let (dependencies, files) = reached_from(&folder);
        waiting.extend(dependencies.iter().cloned());
        found.extend(dependencies);
        found.extend(files);
    }
    found.remove(project.source());
    found.into_iter().collect()
}

/// What the package in `folder` reaches: folders of other packages, and the workspace's manifest and lock file.
fn reached_from(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let Some(manifest) = read(&folder.join(MANIFEST)) else { return (Vec::new(), Vec::new()) };
    let workspace = workspace_of(folder, &manifest);
    let mut dependencies = Vec::new();
    for (name, dependency) in all_dependencies(&manifest) {
        if let Some(path) = path_of(dependency) {
            dependencies.extend(folder.join(path).canonicalize());
        } else if dependency.get("workspace").is_some()
            && let Some((root, table)) = &workspace
            && let Some(path) = shared(table, name).and_then(path_of)
        {
            dependencies.extend(root.join(path).canonicalize());
        }
    }
    let root = workspace.map_or_else(|| folder.to_owned(), |(root, _)| root);
    let files =
        [MANIFEST, "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"].map(|file| root.join(file));
    (dependencies, files.into_iter().filter(|file| file.is_file()).collect())
}

fn read(manifest: &Path) -> Option<toml::Table> {
    std::fs::read_to_string(manifest).ok()?.parse().ok()
}

/// The nearest workspace at or above the package.
fn workspace_of(folder: &Path, manifest: &toml::Table) -> Option<(PathBuf, toml::Table)> {
    if manifest.contains_key("workspace") {
        return Some((folder.to_owned(), manifest.clone()));
    }
    folder.ancestors().skip(1).find_map(|above| {
        let manifest = read(&above.join(MANIFEST))?;
        manifest.contains_key("workspace").then(|| (above.to_owned(), manifest))
    })
}

/// The dependencies of a package, those of its targets too. Those of tests are no part of a component.
fn all_dependencies(manifest: &toml::Table) -> Vec<(&str, &toml::Value)> {
    let of_targets = manifest.get("target").and_then(toml::Value::as_table).into_iter();
    let of_targets = of_targets.flat_map(|targets| targets.values().filter_map(toml::Value::as_table));
    let tables = std::iter::once(manifest).chain(of_targets);
    let kinds = tables.flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind)));
    let entries = kinds.flatten().filter_map(toml::Value::as_table).flat_map(|table| table.iter());
    entries.map(|(name, dependency)| (name.as_str(), dependency)).collect()
}

fn shared<'a>(workspace: &'a toml::Table, name: &str) -> Option<&'a toml::Value> {
    workspace.get("workspace")?.get("dependencies")?.get(name)
}

fn path_of(dependency: &toml::Value) -> Option<&str> {
    dependency.get("path")?.as_str()
}
