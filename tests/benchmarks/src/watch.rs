//! How long a save takes until it runs, beyond what cargo needs: `run --watch` of the template `service` in Rust, whose web role gets
//! another sentence each round. What counts: noticing the save, the silence that tells one save from the next, looking for changed
//! sources, compiling the new component for this machine, and the recycle of the role's instance until it is Ready.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

use crate::guests::{beside_this, workspace};
use crate::statistics::{median, range};

/// Saves that are measured.
const ROUNDS: usize = 9;
/// Seconds.
const BAR: f64 = 1.0;

pub fn run() -> Result<()> {
    let root = workspace();
    let binary = beside_this("wasm-roles")?;
    let folder = tempfile::tempdir()?;
    let mut new = Command::new(&binary);
    new.args(["new", "saved", "--lang", "rust", "--template", "service"]).current_dir(folder.path());
    ensure!(new.stdout(Stdio::null()).status()?.success(), "no service was made");
    let service = folder.path().join("saved");
    std::fs::copy(root.join("Cargo.lock"), service.join("Cargo.lock"))?;
    let mut command = Command::new(&binary);
    command.args(["run", "--watch", "--log-format", "json", "--publish", "8080=127.0.0.1:0"]);
    command.current_dir(&service).env("CARGO_TARGET_DIR", root.join("target/templates"));
    let mut running = Watched::start(command)?;
    running.next("all-ready")?;

    let source = service.join("roles/Web/src/lib.rs");
    let text = std::fs::read_to_string(&source)?;
    let (mut beyond, mut building) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        std::fs::write(&source, text.replace(", says ", &format!(", says {round} times ")))?;
        let applied = running.next("watch-applied")?;
        beyond.push(applied["seconds"].as_f64().context("no seconds")?);
        building.push(applied["build_seconds"].as_f64().context("no seconds of building")?);
    }
    println!("\n## A save until it runs\n");
    println!("| of {ROUNDS} saves | median | range | bar |");
    println!("|---|---|---|---|");
    let row = |what: &str, seconds: &[f64], bar: &str| {
        let (least, most) = range(seconds);
        println!("| {what} | {:.2} s | {least:.2} to {most:.2} s | {bar} |", median(seconds));
    };
    row("cargo, and looking for what has changed", &building, "");
    row("the rest, until the recycled instance is Ready", &beyond, "at most 1 s");
    ensure!(median(&beyond) <= BAR, "a save takes {:.2} s beyond cargo", median(&beyond));
    Ok(())
}

/// A run that tells what it does in JSON.
struct Watched {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watched {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// The next object of this kind.
    fn next(&mut self, kind: &str) -> Result<Value> {
        for line in &mut self.lines {
            let Ok(object) = serde_json::from_str::<Value>(&line?) else { continue };
            let told = object["kind"].as_str().unwrap_or_default();
            ensure!(!told.starts_with("watch-not") && told != "watch-cannot-build", "{object}");
            if told == kind {
                return Ok(object);
            }
        }
        wasmtime::bail!("it ended without `{kind}`")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
