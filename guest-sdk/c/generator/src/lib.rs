//! What the C SDK binds to the contract with: C files that are made from WIT, and kept in the repository, so that whoever writes
//! a role in C needs no generator. `cargo xtask bindings` makes them anew; a test fails when they no longer fit.
//!
//! A package of its own, and none of the default members: what the generator depends on would give wasmtime's dependencies other
//! features, and all of it would be compiled twice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wit_bindgen_c::Opts;
use wit_bindgen_core::{Files, wit_parser::Resolve};

/// The worlds of `guest-sdk/c/wit`, each with the functions that are bound without a callback though the contract calls them
/// async, since they do all that they do in one go.
const WORLDS: &[(&str, &[&str])] = &[
    (
        "role",
        &[
            "export:wasm-roles:role/entry-point@0.1.0#on-start",
            "export:wasm-roles:role/entry-point@0.1.0#on-stop",
            "export:wasm-roles:role/events@0.1.0#changing",
            "export:wasm-roles:role/events@0.1.0#changed",
            "export:wasm-roles:role/events@0.1.0#status-check",
            "export:wasm-roles:role/events@0.1.0#stopping",
            "export:wasm-roles:role/events@0.1.0#simultaneous-changing",
            "export:wasm-roles:role/events@0.1.0#simultaneous-changed",
        ],
    ),
    ("web", &[]),
    ("client", &[]),
];

fn sdk() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The paths and contents of all files.
///
/// # Errors
///
/// The contract, or the worlds of the SDK, cannot be read.
pub fn made() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut all = Vec::new();
    for (world_name, sync) in WORLDS {
        let mut files = Files::default();
        let mut resolve = Resolve::default();
        resolve.push_dir(sdk().join("../../wit"))?;
        let (package, _) = resolve.push_dir(sdk().join("wit"))?;
        let world = resolve.select_world(&[package], Some(world_name))?;
        let mut options = Opts::default();
        if world_name == &"client" {
            // A web role has the other's functions of the same interface beside them.
            options.rename.push(("wasi:http/types@0.3.0".to_owned(), "outgoing_http".to_owned()));
        }
        for function in *sync {
            options.async_.push(function);
        }
        options.build().generate(&mut resolve, world, &mut files)?;
        all.extend(
            files.iter().map(|(name, content)| (sdk().join("bindings").join(name), content.to_owned())),
        );
    }
    Ok(all)
}

/// Writes all files.
///
/// # Errors
///
/// See [`made`]; or a file cannot be written.
pub fn write() -> Result<()> {
    for (path, content) in made()? {
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[test]
fn the_bindings_of_the_c_sdk_fit_the_contract() {
    for (path, content) in made().unwrap() {
        let there = fs::read(&path).unwrap_or_default();
        assert!(there == content, "{} is old: run `cargo xtask bindings`", path.display());
    }
}
