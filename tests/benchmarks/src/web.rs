//! A web role against a bare hyper server that answers the same bytes, both behind wrk on loopback, rounds alternating:
//! requests a second, and processor time for each request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

use crate::guests::{guest, workspace};
use crate::process::{Server, cpu_ticks};
use crate::statistics::median;

const ROUNDS: usize = 4;
const SECONDS: u32 = 5;
const ROLE: &str = "127.0.0.1:18080";
const HYPER: &str = "127.0.0.1:18081";

/// Runs both servers and prints a table.
pub fn run() -> Result<()> {
    let wrk = Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(wrk.is_ok(), "wrk is missing; install the package `wrk`");
    let role = start_role()?;
    let hyper = start_hyper()?;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let bare = load(&hyper, HYPER)?;
        let ours = load(&role, ROLE)?;
        rates.push(ours.rate / bare.rate);
        costs.push(ours.cost / bare.cost);
    }
    println!("| web role (one instance, wasi:http 0.3) / bare hyper | ratio |");
    println!("|---|---|");
    println!("| requests a second | {:.2} |", median(&rates));
    println!("| processor time for each request | {:.1}x |", median(&costs));
    Ok(())
}

fn start_hyper() -> Result<Server> {
    let this = std::env::current_exe()?;
    Server::start(Command::new(this).args(["hyper", HYPER]), HYPER.parse()?)
}

/// `wasm-roles run` with one instance of one web role.
fn start_role() -> Result<Server> {
    let root = workspace();
    let service = root.join("target/benchmarks/web");
    std::fs::create_dir_all(service.join("Hello"))?;
    std::fs::copy(guest("hello-http-p3")?, service.join("Hello/Hello.wasm"))?;
    let definition = service.join("ServiceDefinition.csdef");
    std::fs::write(&definition, DEFINITION)?;
    std::fs::write(service.join("ServiceConfiguration.cscfg"), CONFIGURATION)?;
    let mut command = Command::new(root.join("target/release/wasm-roles"));
    command.arg("run").arg(definition).args(["--publish", &format!("80={ROLE}")]);
    Server::start(&mut command, ROLE.parse()?)
}

struct Load {
    /// Requests a second.
    rate: f64,
    /// Clock ticks for each request.
    cost: f64,
}

fn load(server: &Server, address: &str) -> Result<Load> {
    let before = cpu_ticks(server.id())?;
    let output = Command::new("wrk")
        .args(["-t1", "-c32", &format!("-d{SECONDS}s"), &format!("http://{address}/")])
        .output()?;
    let ticks = cpu_ticks(server.id())? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(!text.contains("Non-2xx"), "wrk saw errors:\n{text}");
    let field = |name: &str, at: usize| -> Result<f64> {
        let line =
            text.lines().find(|line| line.contains(name)).with_context(|| format!("wrk said:\n{text}"))?;
        Ok(line.split_whitespace().nth(at).context("a short line")?.parse()?)
    };
    let requests = field(" requests in ", 0)?;
    Ok(Load { rate: field("Requests/sec:", 1)?, cost: ticks as f64 / requests })
}

/// The other side of the comparison: hyper on tokio, and nothing else.
pub fn serve_with_hyper(address: &str) -> Result<()> {
    let address: SocketAddr = address.parse()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(|_| async {
                let hello = Full::new(Bytes::from_static(b"Hello, world!"));
                let mut response = Response::new(hello);
                let content_type = header::HeaderValue::from_static("text/plain");
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

const DEFINITION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Bench" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WebRole name="Hello">
    <Sites>
      <Site name="Web">
        <Bindings>
          <Binding name="HttpIn" endpointName="HttpIn" />
        </Bindings>
      </Site>
    </Sites>
    <Endpoints>
      <InputEndpoint name="HttpIn" protocol="http" port="80" />
    </Endpoints>
  </WebRole>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Bench" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Hello">
    <Instances count="1" />
  </Role>
</ServiceConfiguration>
"#;
