//! A public tcp endpoint of a running deployment against a bare tokio server: both answer 64 bytes with 1 KiB, each in a process
//! of its own, under the same load from this one, rounds in turn. What counts is the processor time that the
//! serving process takes for a request.
//!
//! The WASI 0.2 guest blocks and so serves one connection after the other; the one of WASI 0.3 serves all at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmtime::Result;
use wasmtime::error::{Context, ensure};

use crate::guests::{beside_this, guest, workspace};
use crate::process::{Server, cpu_ticks};
use crate::statistics::{median, range};

const ROUNDS: usize = 5;
const REQUEST: usize = 64;
const ANSWER: usize = 1024;
const TOKIO: &str = "127.0.0.1:18092";
/// The guests that answer, with where each is published.
const GUESTS: [(&str, &str, &str); 2] =
    [("WASI 0.2", "bench-network", "127.0.0.1:18090"), ("WASI 0.3", "bench-network-p3", "127.0.0.1:18091")];
const LOADS: [Load; 3] = [
    Load { name: "100 requests per connection", requests: 100, connections: 1, share: 1 },
    // The kernel keeps the port of each connection busy for a while: fewer of them.
    Load { name: "one request per connection", requests: 1, connections: 1, share: 5 },
    Load { name: "16 connections at once, 100 requests each", requests: 100, connections: 16, share: 1 },
];

/// How the requests of a round come.
struct Load {
    name: &'static str,
    /// Requests on each connection.
    requests: u32,
    /// Connections at one time.
    connections: u32,
    /// One in so many of the requests that were asked for.
    share: u32,
}

/// Puts all servers under all loads, with `requests` in each round, and prints a table.
pub fn run(requests: u32) -> Result<()> {
    let this = std::env::current_exe()?;
    let tokio = Server::start(Command::new(this).args(["answer", TOKIO]), TOKIO.parse()?)?;
    // They introduce themselves on standard error, so the table comes after that.
    let roles =
        GUESTS.iter().map(|(_, name, address)| start_role(name, address)).collect::<Result<Vec<_>>>()?;
    println!(
        "| tcp input endpoint / bare tokio | processor time for each request | lowest | highest | bar | role | tokio |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((version, name, address), role) in GUESTS.into_iter().zip(&roles) {
        for load in &LOADS {
            // A guest that serves one connection after the other would let the others wait for ever.
            if load.connections > 1 && name == "bench-network" {
                continue;
            }
            let (mut ratios, mut bare, mut ours) = (Vec::new(), Vec::new(), Vec::new());
            // The first round pays for what comes only once.
            for round in 0..=ROUNDS {
                let native = load.on(&tokio, TOKIO.parse()?, requests)?;
                let guest = load.on(role, address.parse()?, requests)?;
                if round > 0 {
                    bare.push(native);
                    ours.push(guest);
                    ratios.push(guest / native);
                }
            }
            let (low, high) = range(&ratios);
            let (ratio, ours, bare) = (median(&ratios), median(&ours), median(&bare));
            println!(
                "| {version}, {} | {ratio:.2}x | {low:.2}x | {high:.2}x | 1.3x | {ours:.1} µs | {bare:.1} µs |",
                load.name
            );
        }
    }
    Ok(())
}

impl Load {
    /// Sends `requests` to a server and gives the microseconds of processor time that it took for each.
    fn on(&self, server: &Server, address: SocketAddr, requests: u32) -> Result<f64> {
        const MICROSECONDS_IN_A_TICK: f64 = 10_000.0;
        let in_turn = (requests / self.share / self.requests / self.connections).max(1);
        let before = cpu_ticks(server.id())?;
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..self.connections)
                .map(|_| scope.spawn(|| (0..in_turn).try_for_each(|_| ask(address, self.requests))))
                .collect();
            clients.into_iter().try_for_each(|client| client.join().ok().context("a client panicked")?)
        })?;
        let ticks = cpu_ticks(server.id())? - before;
        ensure!(ticks > 0, "too few requests to measure anything");
        let answered = in_turn * self.requests * self.connections;
        Ok(ticks as f64 * MICROSECONDS_IN_A_TICK / f64::from(answered))
    }
}

/// One connection, with so many requests one after the other.
fn ask(address: SocketAddr, requests: u32) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answer = [0; ANSWER];
    for _ in 0..requests {
        stream.write_all(&[1; REQUEST])?;
        stream.read_exact(&mut answer)?;
    }
    ensure!(answer == [7; ANSWER], "that is no answer");
    Ok(())
}

/// `wasm-roles run` with one instance of one worker role.
fn start_role(name: &str, address: &str) -> Result<Server> {
    let service = workspace().join("target/benchmarks").join(name);
    std::fs::create_dir_all(service.join("Answer"))?;
    std::fs::copy(guest(name)?, service.join("Answer/answer.wasm"))?;
    let definition = service.join("ServiceDefinition.csdef");
    std::fs::write(&definition, DEFINITION)?;
    std::fs::write(service.join("ServiceConfiguration.cscfg"), CONFIGURATION)?;
    let mut command = Command::new(beside_this("wasm-roles")?);
    command.arg("run").arg(definition).args(["--publish", &format!("7000={address}")]);
    Server::start(&mut command, address.parse()?)
}

/// The other side of the comparison: a task for each connection, and nothing else.
pub fn serve_with_tokio(address: &str) -> Result<()> {
    let address: SocketAddr = address.parse()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut request = [0; REQUEST];
                while stream.read_exact(&mut request).await.is_ok() {
                    if stream.write_all(&[7; ANSWER]).await.is_err() {
                        return;
                    }
                }
            });
        }
    })
}

const DEFINITION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Bench" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WorkerRole name="Answer">
    <Runtime>
      <EntryPoint>
        <ProgramEntryPoint commandLine="answer.wasm answer 0.0.0.0:7000 0" setReadyOnProcessStart="true" />
      </EntryPoint>
    </Runtime>
    <Endpoints>
      <InputEndpoint name="In" protocol="tcp" port="7000" localPort="7000" />
    </Endpoints>
  </WorkerRole>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Bench" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Answer">
    <Instances count="1" />
  </Role>
</ServiceConfiguration>
"#;
