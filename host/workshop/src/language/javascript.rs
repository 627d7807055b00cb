//! JavaScript, with node and componentize-qjs. The SDK has the command that calls both, since it knows how a role's module becomes the exports of a
//! component: `node <sdk>/bin/componentize.mjs`.
//!
//! The SDK is the one that npm has installed for the role, or the folder of the service's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Language, Recipe};
use crate::project::Project;
use crate::step::Step;
use crate::tool::{MissingTool, Tool, ToolSearch, Tools, Wanted};

const MANIFEST: &str = "package.json";
const MODULES: &str = "node_modules";
/// The name of the SDK's package.
const SDK: &str = "@wasm-roles/sdk";
/// Of the SDK: makes a component of the folder of a role.
const COMPONENTIZE: &str = "bin/componentize.mjs";
/// Of the SDK: lets node find it for tests that have not installed it.
const REGISTER: &str = "toolchain/register.mjs";
/// The oldest node that can run the SDK.
const OLDEST_NODE: u32 = 20;
/// How many packages are looked at; more is a mistake or a joke.
const MAX_PACKAGES: usize = 200;
/// The versions of componentize-qjs that the SDK is written for.
const QJS: &str = "0.4";
const QJS_PACKAGE: &str = "componentize-qjs@0.4.5";

const NODE: Wanted = Wanted {
    program: "node",
    version: &["--version"],
    get: "install Node.js 20 or newer from https://nodejs.org",
};
const NPM: Wanted = Wanted {
    program: "npm",
    version: &["--version"],
    get: "install Node.js 20 or newer from https://nodejs.org",
};
/// It has no `--version`.
const TOOL: &str = "componentize-qjs";

/// The recipe.
#[derive(Debug)]
pub(super) struct JavaScript;

/// A `package.json`, as far as it is needed. What it has besides, and what it has wrong, is for node to say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    version: String,
    scripts: BTreeMap<String, IgnoredAny>,
    dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "devDependencies")]
    dev_dependencies: BTreeMap<String, IgnoredAny>,
}

impl Recipe for JavaScript {
    fn language(&self) -> Language {
        Language::JavaScript
    }

    fn manifests(&self) -> &'static [&'static str] {
        &[MANIFEST]
    }

    // `dist` is what a script `build` makes, such as the compiler of TypeScript.
    fn left_out(&self) -> &'static [&'static str] {
        &[MODULES, "dist", "coverage", "*.tsbuildinfo"]
    }

    fn tools(&self, project: &Project, search: &ToolSearch) -> Result<Tools, Vec<MissingTool>> {
        let mut tools = Tools::default();
        let mut missing = Vec::new();
        let mut found = |name, tool: Result<Tool, MissingTool>| match tool {
            Ok(tool) => tools = std::mem::take(&mut tools).with(name, tool),
            Err(tool) => missing.push(tool),
        };
        found("node", node(project, search));
        found(TOOL, componentize_qjs(project, search));
        if has_build_script(project) {
            found("npm", search.find(project, &NPM));
        }
        if missing.is_empty() { Ok(tools) } else { Err(missing) }
    }

    fn also_made_of(&self, project: &Project) -> Vec<PathBuf> {
        let above = folders(project).into_iter().skip(1);
        let locks = above
            .flat_map(|folder| [folder.join(MANIFEST), folder.join("package-lock.json")])
            .filter(|file| file.is_file());
        let own = linked_packages(project).into_iter();
        std::iter::once(sdk(project)).chain(own).chain(locks).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn build(&self, project: &Project, tools: &Tools, component: &Path) -> Result<Vec<Step>, String> {
        let sdk = sdk(project);
        let command = sdk.join(COMPONENTIZE);
        if !command.is_file() {
            return Err(format!(
                "the SDK for JavaScript is not there: neither does npm have {SDK} installed for {}, nor is it at {}\n  \
                 run `npm install {SDK}` there, or name the folder of the SDK in build.toml: `[sdk]`, `javascript = \"path\"`",
                project.source().display(),
                project.sdk_folder(Language::JavaScript).display()
            ));
        }
        let mut steps = Vec::new();
        if has_build_script(project) {
            steps.push(tools.step("npm").args(["run", "--silent", "build"]));
        }
        let qjs = tools.step(TOOL);
        let make = tools.step("node").arg(command).arg("--role").arg(project.source());
        let make = make.arg("--output").arg(component).arg("--work").arg(project.work());
        steps.push(make.arg("--componentize-qjs").arg(qjs.program()));
        Ok(steps)
    }

    fn test(&self, project: &Project, tools: &Tools) -> Vec<Step> {
        let register = sdk(project).join(REGISTER);
        vec![tools.step("node").arg("--import").arg(register).arg("--test")]
    }
}

fn node(project: &Project, search: &ToolSearch) -> Result<Tool, MissingTool> {
    let tool = search.find(project, &NODE)?;
    let major =
        tool.version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST_NODE) {
        return Err(MissingTool {
            tool: "`node`".to_owned(),
            why: format!("at {} is {}, which is too old", tool.path.display(), tool.version),
            get: NODE.get.to_owned(),
        });
    }
    Ok(tool)
}

fn componentize_qjs(project: &Project, search: &ToolSearch) -> Result<Tool, MissingTool> {
    let missing = |why: String| MissingTool { tool: format!("`{TOOL}`"), why, get: get(project) };
    let path = search.locate(project, TOOL).ok_or_else(|| missing("is not installed".to_owned()))?;
    let version = package_version(&path);
    if let Some(version) = &version
        && !version.strip_prefix(QJS).is_some_and(|rest| rest.starts_with('.'))
    {
        return Err(missing(format!(
            "at {} is version {version}, and the SDK is written for {QJS}",
            path.display()
        )));
    }
    // Its help is the same for a while; it also shows that the program works.
    let help = search.printed(project, &path, &["--help"]);
    let help = help.map_err(|why| missing(format!("at {} does not work: {why}", path.display())))?;
    Ok(Tool { version: version.unwrap_or(help), path })
}

/// How to get componentize-qjs: by what the service itself says, if it says so.
fn get(project: &Project) -> String {
    let asks = |folder: &&PathBuf| {
        let manifest = manifest(folder);
        manifest.dependencies.contains_key(TOOL) || manifest.dev_dependencies.contains_key(TOOL)
    };
    match folders(project).iter().find(asks) {
        Some(folder) => format!("run `npm install` in {}", folder.display()),
        None => format!("run `npm install --global {QJS_PACKAGE}`"),
    }
}

/// npm's programs are links into their packages.
fn package_version(program: &Path) -> Option<String> {
    let program = program.canonicalize().ok()?;
    let version = manifest(program.parent()?.parent()?).version;
    (!version.is_empty()).then_some(version)
}

fn has_build_script(project: &Project) -> bool {
    manifest(project.source()).scripts.contains_key("build")
}

fn manifest(folder: &Path) -> Manifest {
    let text = std::fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The SDK that npm has installed for the role, or the service's own.
fn sdk(project: &Project) -> PathBuf {
    let installed = folders(project).into_iter().map(|folder| folder.join(MODULES).join(SDK));
    let installed = installed.filter_map(|folder| folder.canonicalize().ok());
    let mut usable = installed.filter(|folder| folder.join(COMPONENTIZE).is_file());
    usable.next().unwrap_or_else(|| project.sdk_folder(Language::JavaScript))
}

/// Packages that the role depends on and that npm has not copied: named by path (`"file:../shared"`), or workspaces of the service, which are
/// links in `node_modules`. Those that they depend on are among them.
fn linked_packages(project: &Project) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![project.source().to_owned()];
    while let Some(folder) = waiting.pop() {
        let linked = dependencies_of(&folder)
            .filter(|package| found.len() < MAX_PACKAGES && found.insert(package.clone()));
        waiting.extend(linked.collect::<Vec<_>>());
    }
    found.remove(project.source());
    found
}

/// The folders of packages that the package in `folder` depends on, but those of npm's own copies.
fn dependencies_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let dependencies = manifest(folder).dependencies.into_iter();
    let places = dependencies.filter_map(|(name, version)| {
        let named =
            version.as_str().and_then(|version| version.strip_prefix("file:")).map(|path| folder.join(path));
        let linked =
            || folder.ancestors().map(|above| above.join(MODULES).join(&name)).find(|place| place.exists());
        named.or_else(linked)?.canonicalize().ok()
    });
    places.filter(|place| place.is_dir() && !place.iter().any(|part| part == MODULES))
}

/// The source folder, then those above it up to the service's: where npm looks for packages.
fn folders(project: &Project) -> Vec<PathBuf> {
    let service = project.service();
    let inside: Vec<PathBuf> = project
        .source()
        .ancestors()
        .take_while(|folder| folder.starts_with(service))
        .map(Path::to_owned)
        .collect();
    if inside.is_empty() { vec![project.source().to_owned()] } else { inside }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;
    use wasm_roles_service_model::RoleName;

    /// A service with one role, and these files besides.
    fn service(files: &[(&str, &str)]) -> (TempDir, Project) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        write(&root, &[("roles/Web/package.json", "{}")]);
        write(&root, files);
        let project = Project::new(root.clone(), root.join("roles/Web"), RoleName::new("Web").unwrap());
        (folder, project)
    }

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let place = root.join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
    }

    /// The commands, without the folder of the service.
    fn commands(project: &Project) -> Result<Vec<String>, String> {
        let root = format!("{}/", project.service().display());
        let steps = JavaScript.build(project, &Tools::default(), Path::new("out.wasm"));
        let typed = |step: &Step| step.typed().replace(&root, "");
        steps.map(|steps| steps.iter().map(typed).collect()).map_err(|error| error.replace(&root, ""))
    }

    #[test]
    fn a_component_is_made_by_the_sdk_of_the_service() {
        let (_folder, project) = service(&[("sdk/javascript/bin/componentize.mjs", "")]);
        let expected = "node sdk/javascript/bin/componentize.mjs --role roles/Web --output out.wasm --work .wasm-roles/work/Web \
                        --componentize-qjs componentize-qjs";
        assert_eq!(commands(&project).unwrap(), [expected]);
        let test = &JavaScript.test(&project, &Tools::default())[0];
        assert!(test.typed().ends_with("sdk/javascript/toolchain/register.mjs --test"), "{}", test.typed());
    }

    #[test]
    fn an_sdk_that_npm_has_installed_comes_first() {
        let (_folder, project) = service(&[
            ("sdk/javascript/bin/componentize.mjs", ""),
            ("node_modules/@wasm-roles/sdk/bin/componentize.mjs", ""),
        ]);
        let command = &commands(&project).unwrap()[0];
        assert!(command.starts_with("node node_modules/@wasm-roles/sdk/bin/componentize.mjs "), "{command}");
    }

    #[test]
    fn without_an_sdk_it_is_said_where_it_was_looked_for() {
        let (_folder, project) = service(&[]);
        let error = commands(&project).unwrap_err();
        assert!(
            error.starts_with(
                "the SDK for JavaScript is not there: neither does npm have @wasm-roles/sdk installed for \
                 roles/Web, nor is it at sdk/javascript\n"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_script_build_runs_first() {
        let (_folder, project) = service(&[
            ("sdk/javascript/bin/componentize.mjs", ""),
            ("roles/Web/package.json", r#"{"scripts": {"build": "tsc"}}"#),
        ]);
        assert_eq!(commands(&project).unwrap()[0], "npm run --silent build");
    }

    #[cfg(unix)]
    #[test]
    fn workspaces_and_what_they_depend_on_make_a_component_stale_too() {
        let (_folder, project) = service(&[
            (
                "packages/shared/package.json",
                r#"{"dependencies": {"below": "*", "copied": "*", "web": "*"}}"#,
            ),
            ("packages/below/package.json", "{}"),
            ("node_modules/copied/package.json", "{}"),
            ("roles/Web/package.json", r#"{"dependencies": {"shared": "*", "absent": "*"}}"#),
        ]);
        let root = project.service();
        for (name, folder) in
            [("shared", "packages/shared"), ("below", "packages/below"), ("web", "roles/Web")]
        {
            std::os::unix::fs::symlink(root.join(folder), root.join("node_modules").join(name)).unwrap();
        }
        let expected = ["packages/below", "packages/shared", "sdk/javascript"].map(|name| root.join(name));
        assert_eq!(JavaScript.also_made_of(&project), expected);
    }

    #[test]
    fn what_is_linked_by_path_makes_a_component_stale_too() {
        let (_folder, project) = service(&[
            ("shared/package.json", "{}"),
            ("package-lock.json", "{}"),
            (
                "roles/Web/package.json",
                r#"{"dependencies": {"shared": "file:../../shared", "other": "^1.0.0"}}"#,
            ),
        ]);
        let root = project.service();
        let expected = ["package-lock.json", "sdk/javascript", "shared"].map(|name| root.join(name));
        assert_eq!(JavaScript.also_made_of(&project), expected);
    }

    #[cfg(unix)]
    mod tools {
        use super::*;
        use std::os::unix::fs::PermissionsExt;

        /// A program that says this, in the package of npm that such programs are links into.
        fn install(root: &Path, package: &str, version: &str, says: &str) {
            let home = format!("node_modules/{package}");
            let program = format!("{home}/bin/{package}");
            let manifest = format!(r#"{{"version": "{version}"}}"#);
            write(
                root,
                &[
                    (&program, &format!("#!/bin/sh\necho '{says}'\n")),
                    (&format!("{home}/package.json"), &manifest),
                    ("node_modules/.bin/.keep", ""),
                ],
            );
            fs::set_permissions(root.join(&program), fs::Permissions::from_mode(0o755)).unwrap();
            let link = root.join("node_modules/.bin").join(package);
            std::os::unix::fs::symlink(root.join(&program), link).unwrap();
        }

        /// The tools with their versions, or what is missing; with the path of the service as `.`.
        fn tools(project: &Project) -> Result<String, String> {
            let root = project.service().display().to_string();
            let shown = match JavaScript.tools(project, &ToolSearch::in_folders([])) {
                Ok(tools) => {
                    Ok(tools.iter().map(|(name, tool)| format!("{name} {}\n", tool.version)).collect())
                }
                Err(missing) => {
                    Err(missing.iter().map(|tool| format!("{tool}: {}\n", tool.get)).collect::<String>())
                }
            };
            shown.map_err(|text| text.replace(&root, "."))
        }

        #[test]
        fn both_are_found_where_npm_puts_them_with_their_versions() {
            let (_folder, project) = service(&[]);
            install(project.service(), "node", "", "v20.20.2");
            install(project.service(), TOOL, "0.4.7", "usage");
            assert_eq!(tools(&project).unwrap(), "componentize-qjs 0.4.7\nnode v20.20.2\n");
        }

        #[test]
        fn each_that_is_missing_is_named_with_what_gets_it() {
            let (_folder, project) = service(&[]);
            assert_eq!(
                tools(&project).unwrap_err(),
                "`node` is not installed: install Node.js 20 or newer from https://nodejs.org\n\
                 `componentize-qjs` is not installed: run `npm install --global componentize-qjs@0.4.5`\n"
            );
            let asks = r#"{"devDependencies": {"componentize-qjs": "0.4.5"}}"#;
            write(project.service(), &[("package.json", asks)]);
            install(project.service(), "node", "", "v22.0.0");
            assert_eq!(
                tools(&project).unwrap_err(),
                "`componentize-qjs` is not installed: run `npm install` in .\n"
            );
        }

        #[test]
        fn versions_that_do_not_fit_are_refused() {
            let (_folder, project) = service(&[]);
            install(project.service(), "node", "", "v18.19.0");
            install(project.service(), TOOL, "0.5.0", "usage");
            assert_eq!(
                tools(&project).unwrap_err(),
                "`node` at ./node_modules/.bin/node is v18.19.0, which is too old: install Node.js 20 or newer from \
                 https://nodejs.org\n\
                 `componentize-qjs` at ./node_modules/.bin/componentize-qjs is version 0.5.0, and the SDK is written for 0.4: \
                 run `npm install --global componentize-qjs@0.4.5`\n"
            );
        }
    }
}
