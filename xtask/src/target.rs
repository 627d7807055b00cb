//! The compilation target of role components.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::run::command;

/// Role components are built for this target.
pub const TARGET: &str = "wasm32-wasip2";

/// Gets the target through rustup if it is missing.
pub fn ensure_installed() -> Result<()> {
    if is_installed()? {
        return Ok(());
    }
    println!("The target {TARGET} is missing: installing it with rustup.");
    let added = command("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) && is_installed()? {
        return Ok(());
    }
    bail!(
        "the compilation target {TARGET} is missing, and rustup could not install it.\n\n\
         Roles are WebAssembly components, and the Rust compiler needs this target to make them:\n\
         \x20 - with rustup and a connection to static.rust-lang.org:  rustup target add {TARGET}\n\
         \x20 - with a compiler from a Linux distribution: install its package of the Rust standard library for {TARGET}\n\
         \x20   (rust-std-static-{TARGET} or the like)\n\
         Then run this again."
    )
}

/// Whether the compiler has a standard library for the target.
fn is_installed() -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = command(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot start rustc: is Rust installed?")?;
    let folder = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    Ok(output.status.success() && fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}
