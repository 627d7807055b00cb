//! Processes: servers of our own that are measured, and what the kernel knows of them and of this one.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wasmtime::error::Context;
use wasmtime::{Result, bail, ensure};

/// A process that listens, until this is dropped.
pub struct Server(Child);

impl Server {
    /// Starts `command` and waits until it listens on `address`.
    pub fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let mut server = Self(command.stdout(Stdio::null()).spawn()?);
        let patience = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = server.0.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            ensure!(Instant::now() < patience, "{command:?} does not listen on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory of this process that belongs to it alone, in bytes.
pub fn private_memory() -> Result<u64> {
    private_memory_of(std::process::id())
}

/// Memory of a process that belongs to it alone, in bytes.
pub fn private_memory_of(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kibibytes: u64 = line.split_whitespace().next().context("no figure")?.parse()?;
    Ok(kibibytes * 1024)
}

/// Processor time that a process has used, in clock ticks; Linux has a hundred in a second.
pub fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; the fields after its closing bracket do not. User and system time are 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |index: usize| -> Result<u64> { Ok(fields.get(index).context("too short")?.parse()?) };
    Ok(field(11)? + field(12)?)
}
