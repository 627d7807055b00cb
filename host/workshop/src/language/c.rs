//! C, with make: the role's `Makefile` includes `wasm_roles.mk` of the SDK, which knows the commands.
//!
//! The compiler is that of the WASI SDK, if `WASI_SDK_PATH` names one, or zig's. Zig makes a module of the sources, and
//! `wasm-component-ld` a component of that; the WASI SDK's compiler calls its own. Make cannot work with spaces in the names of
//! files, so it gets names that are relative to the sources.

use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{Language, Recipe};
use crate::depfile;
use crate::project::Project;
use crate::step::Step;
use crate::tool::{MissingTool, Tool, ToolSearch, Tools, Wanted};

const MANIFEST: &str = "Makefile";
const WASI_SDK: &str = "WASI_SDK_PATH";
const COMPILER: &str = "C compiler";
const LINKER: &str = "wasm-component-ld";

const MAKE: Wanted = Wanted {
    program: "make",
    version: &["--version"],
    get: "install make with your system's packages, such as `apt install make`",
};
/// The names of zig: its own, and that of PyPI's package `ziglang`.
const ZIG: [Wanted; 2] = [zig("zig"), zig("python-zig")];
const COMPONENT_LD: Wanted = Wanted {
    program: LINKER,
    version: &["--version"],
    get: "install Rust from https://rustup.rs, which has it, or run `cargo install wasm-component-ld`",
};

const fn zig(program: &'static str) -> Wanted {
    Wanted {
        program,
        version: &["version"],
        get: "run `pip install ziglang==0.17.0`, or install the WASI SDK from https://github.com/WebAssembly/wasi-sdk and set \
              WASI_SDK_PATH to its folder",
    }
}

/// The recipe.
#[derive(Debug)]
pub(super) struct C;

impl Recipe for C {
    fn language(&self) -> Language {
        Language::C
    }

    fn manifests(&self) -> &'static [&'static str] {
        &[MANIFEST]
    }

    fn left_out(&self) -> &'static [&'static str] {
        &["build"]
    }

    fn tools(&self, project: &Project, search: &ToolSearch) -> Result<Tools, Vec<MissingTool>> {
        let wasi_sdk = env::var_os(WASI_SDK).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let make = search.find(project, &MAKE).map(|make| vec![("make", make)]);
        let others = match wasi_sdk {
            Some(folder) => clang(project, search, &folder).map(|clang| vec![(COMPILER, clang)]),
            None => zig_and_linker(project, search),
        };
        match (make, others) {
            (Ok(make), Ok(others)) => {
                let found = make.into_iter().chain(others);
                Ok(found.fold(Tools::default(), |tools, (name, tool)| tools.with(name, tool)))
            }
            (make, others) => Err(make.err().into_iter().chain(others.err().into_iter().flatten()).collect()),
        }
    }

    fn build(&self, project: &Project, tools: &Tools, component: &Path) -> Result<Vec<Step>, String> {
        let component = name_for_make(project.source(), component)?;
        Ok(vec![make(project, tools, "component")?.arg(format!("OUT={component}"))])
    }

    // The compiler says so beside each object file.
    fn also_read(&self, project: &Project, _made: &Path) -> Vec<PathBuf> {
        dependencies(&project.work())
    }

    fn test(&self, project: &Project, tools: &Tools) -> Vec<Step> {
        make(project, tools, "test").into_iter().collect()
    }
}

/// `make <goal>` with the places of everything.
fn make(project: &Project, tools: &Tools, goal: &str) -> Result<Step, String> {
    let build = name_for_make(project.source(), &project.work())?;
    let sdk = name_for_make(project.source(), &project.sdk_folder(Language::C))?;
    let step = tools.step("make").args(["--silent", "--no-print-directory", goal]);
    let step = step.args([format!("BUILD={build}"), format!("WASM_ROLES_SDK={sdk}")]);
    let place = |name: &str| tools.iter().find(|(of, _)| *of == name).map(|(_, tool)| tool.path.clone());
    Ok(match (place(COMPILER), place(LINKER)) {
        // These may have spaces in them: make only hands them on.
        (Some(zig), Some(linker)) => step
            .arg(format!("ZIG={}", zig.display()))
            .arg(format!("WASM_COMPONENT_LD={}", linker.display()))
            .variable(WASI_SDK, ""),
        // The WASI SDK's: make finds it in the same variable.
        _ => step,
    })
}

/// What the compiler has read for the objects in this folder.
fn dependencies(folder: &Path) -> Vec<PathBuf> {
    let mut read = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            read.extend(dependencies(&path));
        } else if path.extension().is_some_and(|extension| extension == "d") {
            read.extend(depfile::files(&fs::read_to_string(path).unwrap_or_default()));
        }
    }
    read
}

/// The compiler of a WASI SDK.
fn clang(project: &Project, search: &ToolSearch, sdk: &Path) -> Result<Tool, Vec<MissingTool>> {
    let path = sdk.join("bin").join("clang");
    let version = search.printed(project, &path, &["--version"]).map_err(|why| {
        vec![MissingTool {
            tool: "the WASI SDK's `clang`".to_owned(),
            why: format!("at {} does not work: {why}", path.display()),
            get: format!("set {WASI_SDK} to the folder of a WASI SDK, or take the variable away to use zig"),
        }]
    })?;
    Ok(Tool { path, version })
}

fn zig_and_linker(
    project: &Project,
    search: &ToolSearch,
) -> Result<Vec<(&'static str, Tool)>, Vec<MissingTool>> {
    let [own, of_python] = ZIG;
    let wanted = if search.locate(project, own.program).is_some() { own } else { of_python };
    let zig = search.find(project, &wanted).map_err(|missing| MissingTool {
        // Whoever has neither is told of the thing, not of one of its names.
        tool: if search.locate(project, wanted.program).is_none() {
            "`zig`".to_owned()
        } else {
            missing.tool
        },
        ..missing
    });
    match (zig, linker(project, search)) {
        (Ok(zig), Ok(linker)) => Ok(vec![(COMPILER, zig), (LINKER, linker)]),
        (zig, linker) => Err(zig.err().into_iter().chain(linker.err()).collect()),
    }
}

/// `wasm-component-ld`: in the path, or beside the Rust compiler.
fn linker(project: &Project, search: &ToolSearch) -> Result<Tool, MissingTool> {
    if search.locate(project, LINKER).is_none()
        && let Some(path) = linker_of_rust(project, search)
        && let Ok(version) = search.printed(project, &path, COMPONENT_LD.version)
    {
        return Ok(Tool { path, version });
    }
    search.find(project, &COMPONENT_LD)
}

/// The linker in the folder of the Rust compiler, which has one folder for each target.
fn linker_of_rust(project: &Project, search: &ToolSearch) -> Option<PathBuf> {
    let rustc = search.locate(project, "rustc")?;
    let root = search.printed(project, &rustc, &["--print", "sysroot"]).ok()?;
    let targets = fs::read_dir(Path::new(&root).join("lib").join("rustlib")).ok()?;
    let mut places: Vec<PathBuf> =
        targets.flatten().map(|target| target.path().join("bin").join(LINKER)).collect();
    places.sort();
    places.into_iter().find(|place| place.is_file())
}

/// The name of a file or folder for make, which runs in the folder `sources`.
fn name_for_make(sources: &Path, target: &Path) -> Result<String, String> {
    let shared =
        sources.components().zip(target.components()).take_while(|(one, other)| one == other).count();
    let up = sources.components().skip(shared).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(target.components().skip(shared)).collect();
    let name = relative
        .to_str()
        .filter(|name| !name.contains(|c: char| c.is_whitespace() || "$#%:;'\"\\".contains(c)));
    name.map(ToOwned::to_owned).ok_or_else(|| {
        format!(
            "make cannot work with the name {}: it has a space or another special character in it\n  rename that folder, \
             or move it beside the sources",
            relative.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_service_model::RoleName;

    /// A folder with programs that print `says`, for each of these names.
    #[cfg(unix)]
    fn programs(folder: &Path, programs: &[(&str, &str)]) {
        use std::os::unix::fs::PermissionsExt;
        for (name, says) in programs {
            let place = folder.join(name);
            fs::write(&place, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[cfg(unix)]
    fn found(programs_there: &[(&str, &str)]) -> Result<Vec<String>, Vec<MissingTool>> {
        let folder = tempfile::tempdir().unwrap();
        programs(folder.path(), programs_there);
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        let project = project(folder.path());
        let make = search.find(&project, &MAKE).map_err(|missing| vec![missing])?;
        let others = zig_and_linker(&project, &search)?;
        let tools = others
            .into_iter()
            .fold(Tools::default().with("make", make), |tools, (name, tool)| tools.with(name, tool));
        Ok(tools.iter().map(|(name, tool)| format!("{name}: {}", tool.version)).collect())
    }

    fn project(service: &Path) -> Project {
        Project::new(service.to_owned(), service.join("roles/Web"), RoleName::new("Web").unwrap())
    }

    #[test]
    #[cfg(unix)]
    fn zig_is_known_by_either_name() {
        let tools = |zig| found(&[("make", "4.3"), (zig, "0.17.0"), ("wasm-component-ld", "0.5")]).unwrap();
        let all = ["C compiler: 0.17.0", "make: 4.3", "wasm-component-ld: 0.5"];
        assert_eq!(tools("zig"), all);
        assert_eq!(tools("python-zig"), all);
    }

    #[test]
    #[cfg(unix)]
    fn every_tool_that_is_missing_is_named_with_what_to_do() {
        let missing = found(&[("make", "4.3")]).unwrap_err();
        let words: Vec<String> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["`zig` is not installed", "`wasm-component-ld` is not installed"]);
        assert!(missing[0].get.contains("pip install ziglang==0.17.0"), "{missing:?}");
        assert!(missing[1].get.contains("cargo install wasm-component-ld"), "{missing:?}");
    }

    #[test]
    #[cfg(unix)]
    fn the_linker_of_the_rust_compiler_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("rust/lib/rustlib/x86_64-unknown-linux-gnu/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(folder.path().join("rust/lib/rustlib/wasm32-wasip2")).unwrap();
        let root = folder.path().join("rust").display().to_string();
        programs(folder.path(), &[("rustc", root.as_str())]);
        programs(&bin, &[("wasm-component-ld", "0.5.21")]);
        let search = ToolSearch::in_folders([folder.path().to_owned()]);
        let tool = linker(&project(folder.path()), &search).unwrap();
        assert_eq!((tool.path, tool.version), (bin.join("wasm-component-ld"), "0.5.21".to_owned()));
    }

    #[test]
    #[cfg(unix)]
    fn a_wasi_sdk_that_is_none_is_named_with_its_place() {
        let search = ToolSearch::in_folders([]);
        let missing =
            clang(&project(Path::new("/no/such/service")), &search, Path::new("/no/such/sdk")).unwrap_err();
        assert!(
            missing[0]
                .to_string()
                .starts_with("the WASI SDK's `clang` at /no/such/sdk/bin/clang does not work: ")
        );
    }

    #[test]
    fn make_gets_names_that_are_relative_to_the_sources() {
        let name = |target: &str| name_for_make(Path::new("/my services/shop/roles/Web"), Path::new(target));
        assert_eq!(name("/my services/shop/.wasm-roles/work/Web").unwrap(), "../../.wasm-roles/work/Web");
        assert_eq!(name("/my services/shop/roles/Web/x.wasm").unwrap(), "x.wasm");
        assert_eq!(name("/elsewhere/sdk").unwrap(), "../../../../elsewhere/sdk");
    }

    #[test]
    fn a_name_that_make_cannot_work_with_is_refused_in_words() {
        let error = name_for_make(Path::new("/shop/roles/Web"), Path::new("/my sdk")).unwrap_err();
        assert!(error.starts_with("make cannot work with the name ../../../my sdk: "), "{error}");
    }
}
