//! Python, with componentize-py.
//!
//! The sources have a `pyproject.toml`; its table `tool.wasm-roles` may say more:
//!
//! ```toml
//! [tool.wasm-roles]
//! module = "role"   # the module with the class that `@export_role` marks
//! source = "src"    # the folder that Python finds modules in
//! kind = "worker"   # or "web": only a web role answers HTTP
//! ```
//!
//! Other modules come from a virtual environment `.venv` in the source folder or above it, up to the service's. The SDK is the
//! one that is installed there, or else that of the service.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Language, Recipe};
use crate::project::Project;
use crate::step::Step;
use crate::tool::{MissingTool, ToolSearch, Tools, Wanted};

const MANIFEST: &str = "pyproject.toml";
/// The package of the SDK, as Python imports it.
const SDK: &str = "wasm_roles";
/// What marks the class of a role.
const EXPORT: &str = "export_role";
/// The SDK replaces parts of componentize-py's event loop, so these versions and no others.
const VERSIONS: &str = "0.25.";
/// The newest that was tried.
const GET: &str = "run `python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1` in the folder of the service \
                   definition";

const COMPONENTIZE: Wanted = Wanted { program: "componentize-py", version: &["--version"], get: GET };

/// The recipe.
#[derive(Debug)]
pub(super) struct Python;

impl Recipe for Python {
    fn language(&self) -> Language {
        Language::Python
    }

    fn manifests(&self) -> &'static [&'static str] {
        &[MANIFEST]
    }

    fn left_out(&self) -> &'static [&'static str] {
        &["__pycache__", "*.pyc", "*.egg-info", "build", "dist", "venv"]
    }

    fn tools(&self, project: &Project, search: &ToolSearch) -> Result<Tools, Vec<MissingTool>> {
        let tool = search.find(project, &COMPONENTIZE).map_err(|missing| vec![missing])?;
        if is_supported(&tool.version) {
            return Ok(Tools::default().with(COMPONENTIZE.program, tool));
        }
        let why = format!("at {} is {}, and {VERSIONS}x is needed", tool.path.display(), tool.version);
        Err(vec![MissingTool { tool: format!("`{}`", COMPONENTIZE.program), why, get: GET.to_owned() }])
    }

    fn also_made_of(&self, project: &Project) -> Vec<PathBuf> {
        let mut also = Vec::new();
        // The modules may lie out of the folder of the manifest.
        let modules = Manifest::of(project).unwrap_or_default().modules(project).canonicalize().ok();
        also.extend(modules.filter(|modules| !is_below(modules, project.source())));
        let Some(packages) = site_packages(project) else {
            also.push(sdk(project));
            return also;
        };
        // A list of files and their hashes for each package that is installed.
        let records = entries(&packages).into_iter().map(|entry| entry.join("RECORD"));
        also.extend(records.filter(|record| record.is_file()));
        also.push(if has_sdk(&packages) { packages.join(SDK) } else { sdk(project) });
        also
    }

    fn build(&self, project: &Project, tools: &Tools, component: &Path) -> Result<Vec<Step>, String> {
        let manifest = Manifest::of(project)?;
        let source = manifest.modules(project);
        let module = module(&source, &manifest.module)?;
        // componentize-py says that some class is missing, and not who would make it.
        if !std::fs::read_to_string(&module).is_ok_and(|text| text.contains(EXPORT)) {
            return Err(format!(
                "{} exports no role\n  write `@{EXPORT}` above its class, and `from {SDK} import {EXPORT}` at the top",
                module.display()
            ));
        }
        let packages = site_packages(project);
        let installed = packages.as_deref().is_some_and(has_sdk);
        if !installed && !sdk(project).join(SDK).is_dir() {
            return Err(format!(
                "the SDK is neither in {} nor in a virtual environment `.venv` of the service\n  copy it there from another \
                 project, or install it with `.venv/bin/pip install wasm-roles`",
                sdk(project).display()
            ));
        }
        // componentize-py adds the packages of a virtual environment by itself: an empty one, so that it adds nothing.
        let nowhere = project.work().join("venv");
        let mut step = tools.step(COMPONENTIZE.program).arg("--quiet");
        step =
            step.args(["--world", manifest.kind.world(), "componentize"]).arg("--python-path").arg(&source);
        if !installed {
            step = step.arg("--python-path").arg(sdk(project));
        }
        if let Some(packages) = &packages {
            step = step.arg("--python-path").arg(packages);
        }
        step = step.args(["--output".into(), component.as_os_str().to_owned(), manifest.module.into()]);
        // Where the tool itself was when Python failed helps nobody.
        let step = step.variable("VIRTUAL_ENV", &nowhere).variable("RUST_BACKTRACE", "0");
        Ok(vec![step.in_folder(nowhere.join("lib/site-packages"))])
    }

    fn test(&self, project: &Project, _tools: &Tools) -> Vec<Step> {
        let manifest = Manifest::of(project).unwrap_or_default();
        let mut places = vec![manifest.modules(project)];
        let packages = site_packages(project);
        if !packages.as_deref().is_some_and(has_sdk) {
            places.push(sdk(project));
        }
        let path = std::env::join_paths(places).unwrap_or_default();
        let python = virtual_environment(project).map(|folder| folder.join("bin/python3"));
        let python = python.filter(|python| python.is_file()).unwrap_or_else(|| PathBuf::from("python3"));
        let step = Step::new(python).args(["-m", "unittest", "discover", "--start-directory", "tests"]);
        vec![step.variable("PYTHONPATH", path).variable("PYTHONDONTWRITEBYTECODE", "1")]
    }
}

/// Whether the SDK was made for this version, given as `componentize-py 0.25.1`.
fn is_supported(version: &str) -> bool {
    version.split_whitespace().any(|word| word.starts_with(VERSIONS))
}

fn is_below(path: &Path, folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| path.starts_with(folder))
}

/// The file of the role's module.
fn module(source: &Path, name: &str) -> Result<PathBuf, String> {
    let path = source.join(name.replace('.', "/"));
    let places = [path.with_extension("py"), path.join("__init__.py")];
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        format!(
            "{} has no module `{name}`\n  `module` and `source` of `[tool.wasm-roles]` in {MANIFEST} say where the role is",
            source.display()
        )
    })
}

/// The SDK's modules in the service.
fn sdk(project: &Project) -> PathBuf {
    project.sdk_folder(Language::Python).join("src")
}

/// The virtual environment of the role: the nearest above its sources.
fn virtual_environment(project: &Project) -> Option<PathBuf> {
    let service = project.service();
    let inside = project.source().ancestors().take_while(|folder| folder.starts_with(service));
    let places = inside.chain([project.source(), service]).map(|folder| folder.join(".venv"));
    places.into_iter().find(|place| place.is_dir())
}

/// The folder of packages in the virtual environment.
fn site_packages(project: &Project) -> Option<PathBuf> {
    let versions = entries(&virtual_environment(project)?.join("lib"));
    versions.into_iter().map(|version| version.join("site-packages")).find(|packages| packages.is_dir())
}

fn has_sdk(packages: &Path) -> bool {
    packages.join(SDK).is_dir()
}

/// What is in a folder, in the order of the names; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// What the manifest says about the role.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Manifest {
    module: String,
    source: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Worker,
    Web,
}

impl Kind {
    /// The world of the SDK.
    const fn world(self) -> &'static str {
        match self {
            Self::Worker => "wasm-roles:python/python-worker",
            Self::Web => "wasm-roles:python/python-web",
        }
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self { module: "role".to_owned(), source: PathBuf::from("src"), kind: Kind::Worker }
    }
}

impl Manifest {
    /// The folder that Python finds the role's modules in.
    fn modules(&self, project: &Project) -> PathBuf {
        project.source().join(&self.source)
    }

    fn of(project: &Project) -> Result<Self, String> {
        let path = project.source().join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let wrong = |error: toml::de::Error| format!("{}: {}", path.display(), error.message());
        let manifest: toml::Table = text.parse().map_err(wrong)?;
        let own = manifest.get("tool").and_then(|tools| tools.get("wasm-roles"));
        own.map_or_else(|| Ok(Self::default()), |own| own.clone().try_into().map_err(wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;
    use wasm_roles_service_model::RoleName;

    /// A service with one role whose manifest this is.
    fn service(manifest: &str) -> (TempDir, Project) {
        let folder = TempDir::new().unwrap();
        let source = folder.path().join("roles/Worker");
        fs::create_dir_all(source.join("src")).unwrap();
        fs::write(source.join("src/role.py"), "@export_role\nclass Worker(Role): ...\n").unwrap();
        fs::write(source.join(MANIFEST), manifest).unwrap();
        let project = Project::new(folder.path().to_owned(), source, RoleName::new("Worker").unwrap());
        (folder, project)
    }

    fn with_sdk(folder: &TempDir) {
        fs::create_dir_all(folder.path().join("sdk/python/src/wasm_roles")).unwrap();
    }

    fn install_sdk(folder: &TempDir) -> PathBuf {
        let packages = folder.path().join(".venv/lib/python3.13/site-packages");
        fs::create_dir_all(packages.join("wasm_roles")).unwrap();
        packages
    }

    fn command(project: &Project) -> Result<String, String> {
        let steps = Python.build(project, &Tools::default(), Path::new("out.wasm"))?;
        let folder = project.service().display().to_string();
        Ok(steps.iter().map(Step::typed).collect::<Vec<_>>().join("\n").replace(&folder, "shop"))
    }

    #[test]
    fn a_worker_is_made_of_its_sources_and_the_services_sdk() {
        let (folder, project) = service("[project]\nname = \"worker\"\n");
        with_sdk(&folder);
        assert_eq!(
            command(&project).unwrap(),
            "componentize-py --quiet --world wasm-roles:python/python-worker componentize --python-path \
             shop/roles/Worker/src --python-path shop/sdk/python/src --output out.wasm role"
        );
    }

    #[test]
    fn an_installed_sdk_stands_in_for_the_services() {
        let (folder, project) = service("");
        with_sdk(&folder);
        let packages = install_sdk(&folder);
        assert!(command(&project).unwrap().ends_with(
            "--python-path shop/roles/Worker/src --python-path shop/.venv/lib/python3.13/site-packages --output out.wasm role"
        ));
        assert_eq!(Python.also_made_of(&project), [packages.join("wasm_roles")]);
    }

    #[test]
    fn what_is_installed_counts_by_its_list_of_files() {
        let (folder, project) = service("");
        let packages = install_sdk(&folder);
        let record = packages.join("six-1.17.0.dist-info/RECORD");
        fs::create_dir_all(record.parent().unwrap()).unwrap();
        fs::write(&record, "six.py,sha256=x,1\n").unwrap();
        assert_eq!(Python.also_made_of(&project), [record, packages.join("wasm_roles")]);
    }

    #[test]
    fn modules_that_lie_elsewhere_count_too() {
        let (folder, project) = service("[tool.wasm-roles]\nsource = \"../../shared\"\n");
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        let sdk = folder.path().join("sdk/python/src");
        assert_eq!(Python.also_made_of(&project), [shared.canonicalize().unwrap(), sdk]);
    }

    #[test]
    fn the_manifest_chooses_kind_module_and_folder() {
        let manifest = "[tool.wasm-roles]\nkind = \"web\"\nmodule = \"shop.site\"\nsource = \"code\"\n";
        let (folder, project) = service(manifest);
        with_sdk(&folder);
        let module = project.source().join("code/shop/site/__init__.py");
        fs::create_dir_all(module.parent().unwrap()).unwrap();
        fs::write(module, "from wasm_roles import export_role").unwrap();
        let command = command(&project).unwrap();
        assert!(command.contains("--world wasm-roles:python/python-web"), "{command}");
        assert!(command.contains("shop/roles/Worker/code "), "{command}");
        assert!(command.ends_with(" shop.site"), "{command}");
    }

    #[test]
    fn mistakes_in_the_sources_are_said_before_anything_runs() {
        for (manifest, words) in [
            ("[tool.wasm-roles]\nmodule = \"worker\"", "has no module `worker`"),
            ("[tool.wasm-roles]\nkind = \"batch\"", "unknown variant `batch`, expected `worker` or `web`"),
            ("[tool.wasm-roles]\nmodul = \"role\"", "unknown field `modul`"),
            ("[tool", "pyproject.toml: "),
            ("", "the SDK is neither in shop/sdk/python/src nor in a virtual environment"),
        ] {
            let (_folder, project) = service(manifest);
            let error = command(&project).unwrap_err();
            let error = error.replace(&project.service().display().to_string(), "shop");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_module_without_a_role_is_told_how_to_export_one() {
        let (folder, project) = service("");
        with_sdk(&folder);
        fs::write(project.source().join("src/role.py"), "class Worker(Role): ...\n").unwrap();
        let error = command(&project).unwrap_err();
        assert!(
            error.contains("src/role.py exports no role\n  write `@export_role` above its class"),
            "{error}"
        );
    }

    #[test]
    fn the_sdk_is_made_for_certain_versions_of_the_tool() {
        for (version, supported) in [
            ("componentize-py 0.25.1", true),
            ("componentize-py 0.24.0", false),
            ("componentize-py 0.26.0", false),
        ] {
            assert_eq!(is_supported(version), supported, "{version}");
        }
    }
}
