//! A recycle of one of two instances under load: how many requests fail.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::error::Context;
use wasmtime::{Result, bail, ensure};

use super::servers::Service;

const REQUESTS: u64 = 100_000;
const CLIENTS: usize = 16;
/// One after so many requests.
const RECYCLE_EVERY: u64 = 20_000;

/// Prints how many requests were answered, and how many not.
pub fn run() -> Result<()> {
    let server = Service::new("hello-http-p3").start(2)?;
    let (asked, failed, recycles) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::new(server.address);
                loop {
                    let number = asked.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    let recycle = number > 0 && number.is_multiple_of(RECYCLE_EVERY);
                    let path = if recycle { "/recycle" } else { "/" };
                    match client.ask(path) {
                        Ok(()) if recycle => recycles.fetch_add(1, Ordering::Relaxed),
                        Ok(()) => 0,
                        Err(error) => {
                            eprintln!("request {number}: {error:#}");
                            failed.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
    });
    let (failed, recycles) = (failed.into_inner(), recycles.into_inner());
    println!(
        "| requests on {CLIENTS} connections that stay open | recycles of one of two instances | failed |"
    );
    println!("|---|---|---|");
    println!("| {REQUESTS} | {recycles} | {failed} |");
    ensure!(recycles > 0, "no instance was recycled");
    Ok(())
}

/// A client that keeps its connection open, as HTTP/1.1 has it: a server may close one that is idle at any time, and then a request
/// that has got no byte of an answer on a connection that was used before is sent once more on a new one (RFC 9112, section 9.3.1).
struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    const fn new(server: SocketAddr) -> Self {
        Self { server, connection: None }
    }

    fn ask(&mut self, path: &str) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            match self.ask_on(connection, path)? {
                Outcome::Answered => return Ok(()),
                Outcome::WasClosed => {}
            }
        }
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        match self.ask_on(BufReader::new(stream), path)? {
            Outcome::Answered => Ok(()),
            Outcome::WasClosed => bail!("a new connection was closed without an answer"),
        }
    }

    fn ask_on(&mut self, mut connection: BufReader<TcpStream>, path: &str) -> Result<Outcome> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.server);
        if connection.get_mut().write_all(request.as_bytes()).is_err() {
            return Ok(Outcome::WasClosed);
        }
        let mut status = String::new();
        match connection.read_line(&mut status) {
            Ok(0) => return Ok(Outcome::WasClosed),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Outcome::WasClosed),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        ensure!(status.starts_with("HTTP/1.1 200 "), "answered with {status}");
        let (mut length, mut last) = (0_usize, false);
        loop {
            let mut line = String::new();
            ensure!(connection.read_line(&mut line)? > 0, "cut off in the head");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse::<usize>().context("the length")?;
            }
            last |= line == "connection: close";
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        self.connection = (!last).then_some(connection);
        Ok(Outcome::Answered)
    }
}

enum Outcome {
    Answered,
    /// Before the first byte of an answer.
    WasClosed,
}
