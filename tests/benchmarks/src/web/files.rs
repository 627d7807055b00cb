//! A file of 1 MiB, from a web role and from nginx.

use std::process::{Command, Stdio};

use wasmtime::Result;

use super::servers::{Running, Service, free_address, start};
use super::{ROUNDS, wrk};
use crate::guests::workspace;
use crate::statistics::median;

const LENGTH: usize = 1 << 20;

/// Requests a second only: nginx works in processes below the one that was started, so that costs do not compare.
pub fn run() -> Result<()> {
    let directory = workspace().join("target/benchmarks/web/files");
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("file.bin"), vec![b'x'; LENGTH])?;
    let Some(nginx) = nginx(&directory)? else {
        println!("(nginx is not there: install it to compare with it)");
        return Ok(());
    };
    let role = Service::new("hello-http-p3").with_files(&directory.display().to_string()).start(2)?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let theirs = wrk::load(&nginx, "/file.bin", wrk::Load::default())?;
        let ours = wrk::load(&role, "/file.bin", wrk::Load::default())?;
        rates.push(ours.rate / theirs.rate);
    }
    println!("| a file of 1 MiB, two instances / nginx with two workers | ratio |");
    println!("|---|---|");
    println!("| requests a second | {:.2} |", median(&rates));
    Ok(())
}

/// nginx as it is usually set up for files.
fn nginx(directory: &std::path::Path) -> Result<Option<Running>> {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        return Ok(None);
    }
    let address = free_address()?;
    let configuration = directory.with_file_name("nginx.conf");
    let folder = directory.display();
    std::fs::write(
        &configuration,
        format!(
            "daemon off; user root; worker_processes 2; pid {folder}/../nginx.pid; error_log /dev/null;
             events {{ worker_connections 1024; }}
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
               server {{ listen {address}; root {folder}; }} }}"
        ),
    )?;
    start("nginx", Command::new("nginx").arg("-c").arg(configuration), address).map(Some)
}
