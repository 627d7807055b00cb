//! The servers that are compared, each a process of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use wasmtime::Result;

use crate::guests::{beside_this, guest, workspace};
use crate::process::Server;

/// A server that listens.
pub struct Running {
    pub name: String,
    pub address: SocketAddr,
    process: Server,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

pub fn start(name: &str, command: &mut Command, address: SocketAddr) -> Result<Running> {
    Ok(Running { name: name.to_owned(), address, process: Server::start(command, address)? })
}

/// A port that is free now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A service with one web role.
pub struct Service {
    component: &'static str,
    /// What follows `Sites`' binding in the definition.
    site: String,
    arguments: Vec<String>,
}

impl Service {
    pub fn new(component: &'static str) -> Self {
        Self { component, site: String::new(), arguments: Vec::new() }
    }

    /// With static content from this directory.
    pub fn with_files(mut self, directory: &str) -> Self {
        self.site = format!(" physicalDirectory=\"{directory}\"");
        self
    }

    pub fn with_arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    /// `wasm-roles run` with so many instances.
    pub fn start(self, instances: u32) -> Result<Running> {
        let root = workspace();
        let address = free_address()?;
        let service = root.join("target/benchmarks/web").join(address.port().to_string());
        std::fs::create_dir_all(service.join("Hello"))?;
        std::fs::copy(guest(self.component)?, service.join("Hello/Hello.wasm"))?;
        let definition = service.join("ServiceDefinition.csdef");
        std::fs::write(&definition, DEFINITION.replace("@site", &self.site))?;
        let configuration = CONFIGURATION.replace("@count", &instances.to_string());
        std::fs::write(service.join("ServiceConfiguration.cscfg"), configuration)?;
        let mut command = Command::new(beside_this("wasm-roles")?);
        command.arg("run").arg(definition).args(["--publish", &format!("80={address}")]);
        start(self.component, command.args(self.arguments), address)
    }
}

pub fn hyper() -> Result<Running> {
    let address = free_address()?;
    let this = std::env::current_exe()?;
    start("bare hyper", Command::new(this).args(["hyper", &address.to_string()]), address)
}

/// `wasmtime serve` with what makes it fast: pooled memories, and instances that serve many requests, many at a time.
/// None where there is no `wasmtime`.
pub fn wasmtime_serve(component: &str) -> Result<Option<Running>> {
    let program = std::env::var_os("WASMTIME").map_or_else(|| PathBuf::from("wasmtime"), PathBuf::from);
    let version =
        Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_err() {
        return Ok(None);
    }
    let address = free_address()?;
    let mut command = Command::new(program);
    command
        .args(["serve", "-Sp3,cli", "-Wcomponent-model-async", "-Opooling-allocator"])
        // The fastest of what was tried: more at the same time, or one at a time, is slower.
        .args(["--max-instance-reuse-count", "1000", "--max-instance-concurrent-reuse-count", "16"])
        .args(["--addr", &address.to_string()])
        .arg(guest(component)?)
        .stderr(Stdio::null());
    start("wasmtime serve", &mut command, address).map(Some)
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
      <Site name="Web"@site>
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
    <Instances count="@count" />
  </Role>
</ServiceConfiguration>
"#;
