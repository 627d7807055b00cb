//! wrk, and what it says.

use std::process::{Command, Stdio};

use wasmtime::error::Context;
use wasmtime::{Result, ensure};

use super::servers::Running;
use crate::process::cpu_ticks;

/// What wrk is asked to do.
#[derive(Clone, Copy)]
pub struct Load {
    pub connections: u32,
    pub seconds: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self { connections: 32, seconds: 5 }
    }
}

/// What a server could do.
pub struct Seen {
    /// Requests a second.
    pub rate: f64,
    /// Clock ticks for each request.
    pub cost: f64,
    /// How many there were.
    pub requests: u64,
    /// Half of all answers took no longer, with a unit.
    pub median: String,
    /// 99 of a hundred took no longer.
    pub most: String,
}

pub fn ensure_there() -> Result<()> {
    let wrk = Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(wrk.is_ok(), "wrk is missing; install the package `wrk`");
    Ok(())
}

pub fn load(server: &Running, path: &str, load: Load) -> Result<Seen> {
    let Load { connections, seconds } = load;
    let before = cpu_ticks(server.id())?;
    // wrk needs a file descriptor for each connection, more than a shell usually allows.
    let command = format!(
        "ulimit -n 8192; exec wrk -t1 -c{connections} -d{seconds}s --latency http://{}{path}",
        server.address
    );
    let output = Command::new("sh").args(["-c", &command]).output()?;
    let ticks = cpu_ticks(server.id())? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(!text.contains("Non-2xx"), "wrk saw errors:\n{text}");
    let field = |name: &str, at: usize| -> Result<String> {
        let line =
            text.lines().find(|line| line.contains(name)).with_context(|| format!("wrk said:\n{text}"))?;
        Ok(line.split_whitespace().nth(at).context("a short line")?.to_owned())
    };
    let requests: u64 = field(" requests in ", 0)?.parse()?;
    Ok(Seen {
        rate: field("Requests/sec:", 1)?.parse()?,
        cost: ticks as f64 / requests as f64,
        requests,
        median: field("50%", 1)?,
        most: field("99%", 1)?,
    })
}
