//! The fastest binary: compiled with what a first one, which counts as it runs, has learned from the benchmarks.
//!
//! What a request or a message costs is spread over thousands of places in wasmtime, tokio, hyper and our own crates, none with
//! more than a few per cent. There is no single spot to make faster; but the compiler can put together what runs often, if it
//! knows what that is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::{guests, run};

/// What the counting binaries do: requests, connections, streams, files, starts and ends.
const EXERCISES: [&[&str]; 5] =
    [&["network"], &["input-endpoint", "2000"], &["web", "hello"], &["web", "files"], &["operate"]];

const PACKAGES: [&str; 4] = ["--package", "wasm-roles", "--package", "wasm-roles-benchmarks"];

pub fn build() -> Result<ExitCode> {
    let profdata = profdata()?;
    guests::in_rust()?;
    let host = rustc("host-tuple")?;
    let training = run::root().join("target/pgo");
    let counts = training.join("profiles");
    // Counts of other binaries would lie.
    if counts.exists() {
        std::fs::remove_dir_all(&counts).with_context(|| format!("cannot remove {}", counts.display()))?;
    }
    println!("1 of 3: binaries that count what they do");
    run::to_success(
        cargo_for(&training, &host, "generate", &counts)
            // Counting is slow enough by itself; nobody needs these twice.
            .envs([("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_DEBUG", "false")]),
    )?;
    println!("2 of 3: the benchmarks; their figures are those of binaries that count");
    for exercise in EXERCISES {
        run::to_success(run::command(binary(&training, &host, "wasm-roles-benchmarks")).args(exercise))?;
    }
    let learned = training.join("learned.profdata");
    run::to_success(run::command(profdata).arg("merge").arg("--output").arg(&learned).arg(&counts))?;
    println!("3 of 3: binaries that know what runs often");
    let trained = run::root().join("target/trained");
    run::to_success(&mut cargo_for(&trained, &host, "use", &learned))?;
    println!("{}", binary(&trained, &host, "wasm-roles").display());
    Ok(ExitCode::SUCCESS)
}

fn binary(folder: &Path, host: &str, name: &str) -> PathBuf {
    folder.join(host).join("release").join(name)
}

/// A release build into a folder of its own, so that cargo need not build everything else anew. The target is named, though it
/// is the host: what runs during the build itself gets no flags then.
fn cargo_for(folder: &Path, host: &str, profile: &str, path: &Path) -> Command {
    let mut flag = OsString::from(format!("-Cprofile-{profile}="));
    flag.push(path);
    let mut cargo = run::cargo();
    cargo.env("CARGO_TARGET_DIR", folder).env("CARGO_ENCODED_RUSTFLAGS", flag);
    cargo.args(["build", "--release", "--target", host]).args(PACKAGES);
    cargo
}

/// The tool that reads counts, of the very LLVM that the compiler has.
fn profdata() -> Result<PathBuf> {
    let libraries = PathBuf::from(rustc("target-libdir")?);
    let tool = libraries.with_file_name("bin").join("llvm-profdata");
    ensure!(tool.is_file(), "{} is missing: run `rustup component add llvm-tools`", tool.display());
    Ok(tool)
}

/// What the compiler says of itself.
fn rustc(what: &str) -> Result<String> {
    let answer = run::command("rustc").args(["--print", what]).output().context("cannot start `rustc`")?;
    ensure!(answer.status.success(), "`rustc --print {what}` failed: {}", answer.status);
    let answer = String::from_utf8(answer.stdout).with_context(|| format!("rustc's {what} is not UTF-8"))?;
    Ok(answer.trim().to_owned())
}
