//! Where the guests are, which `cargo xtask guests` puts there, and other programs.

use std::path::{Path, PathBuf};

use wasmtime::{Result, ensure};

/// The component of a test guest.
pub fn guest(name: &str) -> Result<PathBuf> {
    let path = workspace().join("target/guests").join(name).with_extension("wasm");
    ensure!(path.is_file(), "{} is missing; run `cargo xtask guests` first", path.display());
    Ok(path)
}

/// The root of the project.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

/// A binary of the same profile.
pub fn beside_this(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing; build the package `{name}` first", path.display());
    Ok(path)
}
