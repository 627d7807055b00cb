//! Embeds the templates, and of every SDK what its published package holds, so that `new` needs nothing beside the binary.
//!
//! `templates/<language>/sdk.files` says what that is, a line each: a file or folder of this repository, and the place that
//! it gets below `sdk/<language>` of a project. `#` begins a comment.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that tools make, which lie among the sources of an SDK.
const MADE: [&str; 5] = ["target", "node_modules", "__pycache__", "dist", "build"];
const MADE_ENDS: [&str; 3] = [".pyc", ".egg-info", ".tgz"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let package = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let root = package.join("../..");
    let templates = package.join("templates");
    println!("cargo::rerun-if-changed={}", templates.display());
    let mut code = String::from("static TEMPLATES: &[File] = &[\n");
    for file in files(&templates)? {
        embed(&mut code, &place(&templates, &file)?, &file)?;
    }
    code.push_str("];\nstatic SDKS: &[File] = &[\n");
    let mut missing = Vec::new();
    for folder in folders(&templates)? {
        let list = fs::read_to_string(folder.join("sdk.files")).unwrap_or_default();
        let language = place(&templates, &folder)?;
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (from, to) =
                line.split_once(' ').ok_or(format!("sdk.files of {language}: no place in `{line}`"))?;
            let from = root.join(from);
            println!("cargo::rerun-if-changed={}", from.display());
            if !from.exists() {
                missing.push(line.to_owned());
                continue;
            }
            for file in files(&from)? {
                // A file that goes into `.` keeps its name; one with a place of its own is called as that is.
                let folder =
                    if from.is_file() && to.trim() == "." { from.parent().unwrap_or(&from) } else { &from };
                let below = place(folder, &file)?;
                let parts = [&language, to.trim(), &below];
                let parts: Vec<&str> =
                    parts.into_iter().filter(|part| !part.is_empty() && *part != ".").collect();
                embed(&mut code, &parts.join("/"), &file)?;
            }
        }
    }
    code.push_str("];\n");
    // A test says so: others can go on working meanwhile.
    writeln!(code, "#[cfg(test)]\nstatic MISSING: &[&str] = &{missing:?};")?;
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    Ok(())
}

fn embed(code: &mut String, place: &str, file: &Path) -> Result<()> {
    let file = file.canonicalize()?;
    writeln!(code, "    File {{ place: {place:?}, contents: include_bytes!({file:?}) }},")?;
    Ok(())
}

/// The path below a folder, with `/`.
fn place(folder: &Path, path: &Path) -> Result<String> {
    let below = path.strip_prefix(folder)?;
    let parts: Vec<String> =
        below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    Ok(parts.join("/"))
}

/// All files at or below `path` that nobody has made, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let made = MADE.contains(&name.as_str()) || MADE_ENDS.iter().any(|end| name.ends_with(end));
            if made || name.starts_with('.') {
                continue;
            }
            if entry.path().is_dir() { waiting.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}
