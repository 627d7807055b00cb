//! A service of four languages: how soon it is there when its components have been compiled before, and what an idle instance of
//! each language costs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::error::Context;
use wasmtime::{Result, ensure};

use crate::guests::{beside_this, workspace};
use crate::process::private_memory_of;
use crate::statistics::median;

/// The roles of the example, and their languages.
const ROLES: [(&str, &str); 4] =
    [("Ledger", "Rust"), ("Words", "Python"), ("Web", "JavaScript"), ("Checksum", "C")];
/// Starts of which the median counts.
const STARTS: u32 = 7;
/// Instances more, of which each is measured.
const MORE: u32 = 100;
/// Only ends what would hang.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures both and prints them.
pub fn run() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let (cold, _) = Polyglot::start(cache.path(), &[])?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (taken, _) = Polyglot::start(cache.path(), &[])?;
        starts.push(taken.as_secs_f64());
    }
    println!("| a service of four languages | measured | bar |");
    println!("|---|---|---|");
    println!("| all Ready, compiled before | {:.0} ms | 1000 ms |", median(&starts) * 1000.0);
    println!("| all Ready, compiled now | {:.1} s | |", cold.as_secs_f64());
    for (role, language) in ROLES {
        let idle = |count: u32| -> Result<u64> {
            let (_, running) =
                Polyglot::start(cache.path(), &["--set", &format!("{role}/Instances/@count={count}")])?;
            private_memory_of(running.0.id())
        };
        let each = idle(2 + MORE)?.saturating_sub(idle(2)?) / u64::from(MORE);
        println!("| private memory of an idle instance, {language} | {} KiB | |", each / 1024);
    }
    Ok(())
}

/// A running service. It is ended when it is dropped.
struct Polyglot(Child);

impl Polyglot {
    /// Starts it, and waits until all instances are Ready.
    fn start(cache: &Path, arguments: &[&str]) -> Result<(Duration, Self)> {
        let definition = workspace().join("examples/polyglot/ServiceDefinition.csdef");
        let component = definition.with_file_name("Words").join("Words.wasm");
        ensure!(component.is_file(), "{} is missing; run `cargo xtask guests` first", component.display());
        let mut command = Command::new(beside_this("wasm-roles")?);
        command.arg("run").arg(definition).args(["--publish", "80=127.0.0.1:0", "--cache-dir"]).arg(cache);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut running = Self(command.spawn().context("the host does not start")?);
        let (sender, lines) = mpsc::channel();
        let stdout = running.0.stdout.take().context("no output")?;
        let stderr = running.0.stderr.take().context("no output")?;
        for stream in [Box::new(stdout) as Box<dyn std::io::Read + Send>, Box::new(stderr)] {
            let sender = sender.clone();
            thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        loop {
            let line = lines.recv_timeout(PATIENCE).context("not all instances became Ready")?;
            if line.contains("instances are Ready") {
                return Ok((begun.elapsed(), running));
            }
        }
    }
}

impl Drop for Polyglot {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
