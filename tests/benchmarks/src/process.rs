//! What the kernel knows of a process.

use std::fs;

use wasmtime::Result;
use wasmtime::error::Context;

/// Memory of this process that belongs to it alone, in bytes.
pub fn private_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kibibytes: u64 = line.split_whitespace().next().context("no figure")?.parse()?;
    Ok(kibibytes * 1024)
}

/// Processor time that a process has used, in clock ticks.
pub fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; the fields after its closing bracket do not. User and system time are 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |index: usize| -> Result<u64> { Ok(fields.get(index).context("too short")?.parse()?) };
    Ok(field(11)? + field(12)?)
}
