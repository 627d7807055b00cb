//! Millions of requests through one instance: what they leave behind.

use wasmtime::Result;

use super::servers::Service;
use super::wrk::{self, Load};
use crate::process::private_memory_of;

/// How many requests.
pub const REQUESTS: u64 = 2_000_000;

/// The memory of the whole process, after a tenth of the requests and after all of them. Tables that grow would end the
/// instance: a store has at most 100,000 handles, and a role by default 32,768 resources.
pub fn run(requests: u64) -> Result<()> {
    let server = Service::new("hello-http-p3").start(1)?;
    let (mut done, mut early) = (0, None);
    while done < requests {
        done += wrk::load(&server, "/", Load { seconds: 10, ..Load::default() })?.requests;
        if early.is_none() && done >= requests / 10 {
            early = Some((done, private_memory_of(server.id())?));
        }
    }
    let (first, before) = early.unwrap_or((done, 0));
    let after = private_memory_of(server.id())?;
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("| requests through one instance | private memory of the process |");
    println!("|---|---|");
    println!("| {first} | {:.1} MiB |", mebibytes(before));
    println!("| {done} | {:.1} MiB |", mebibytes(after));
    Ok(())
}
