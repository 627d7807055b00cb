//! Guest to guest: the same program over the virtual network and over the kernel's loopback with the stock sockets of
//! wasmtime-wasi. Rounds alternate, so that a slow moment of the machine hits both. Then the same over the virtual network
//! with WASI 0.3 against 0.2.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use wasm_roles_role_runtime::{OutputPipe, OutputReader, Runtime, RuntimeOptions};
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, InstanceIndex, Interface, Network, Observer, Policy, PortRange,
    Transports,
};
use wasm_roles_wasi_sockets::{SocketsView, p2, p3, wasi};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::error::Context;
use wasmtime::{Config, Engine, Result, Store, ensure};
use wasmtime_wasi::p2::bindings::CommandPre as CommandPreP2;
use wasmtime_wasi::p3::bindings::CommandPre as CommandPreP3;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guests::guest;
use crate::statistics::{median, range};

const ROUNDS: usize = 7;
const PORT: u16 = 7000;

struct Case {
    name: &'static str,
    server: &'static str,
    client: &'static str,
    count: u32,
    at_least: f64,
}

impl Case {
    fn is_part(&self, part: &str) -> bool {
        self.name.contains(part)
    }
}

const CASES: [Case; 4] = [
    Case { name: "64 KiB stream", server: "sink", client: "stream", count: 16_384, at_least: 5.0 },
    Case { name: "1-byte ping-pong", server: "echo", client: "ping", count: 20_000, at_least: 3.5 },
    Case { name: "connect", server: "accept", client: "connect", count: 2_000, at_least: 15.0 },
    Case { name: "UDP ping-pong", server: "udp-echo", client: "udp-ping", count: 20_000, at_least: 3.0 },
];

/// The cases that are compared between the versions: 0.3 shall not be slower.
const VERSIONS: [Case; 2] = [
    Case { name: "64 KiB stream", server: "sink", client: "stream", count: 16_384, at_least: 1.0 },
    Case { name: "1-byte ping-pong", server: "echo", client: "ping", count: 20_000, at_least: 1.0 },
];

/// Runs all cases whose names have `part` in them and prints two tables.
pub fn run(part: &str) -> Result<()> {
    // As the command line sets it up.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .event_interval(2)
        .global_queue_interval(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let bench = Bench::new()?;
        println!("| guest to guest, WASI 0.2 | virtual network / kernel loopback | lowest | highest | bar |");
        println!("|---|---|---|---|---|");
        for case in CASES.iter().filter(|case| case.is_part(part)) {
            let ratios = bench.ratios(case).await?;
            let (low, high) = range(&ratios);
            let (name, bar) = (case.name, case.at_least);
            println!("| {name} | {:.1}x | {low:.1}x | {high:.1}x | {bar}x |", median(&ratios));
        }
        println!();
        println!("| guest to guest, virtual network | speed of WASI 0.3 / 0.2 | lowest | highest | bar |");
        println!("|---|---|---|---|---|");
        for case in VERSIONS.iter().filter(|case| case.is_part(part)) {
            let ratios = bench.version_ratios(case).await?;
            let (low, high) = range(&ratios);
            let (name, bar) = (case.name, case.at_least);
            println!("| {name} | {:.2}x | {low:.2}x | {high:.2}x | {bar:.0}x |", median(&ratios));
        }
        Ok(())
    })
}

/// A program of one of the versions, ready to start.
#[derive(Clone)]
enum Program {
    P2(CommandPreP2<State>),
    P3(CommandPreP3<State>),
}

impl Program {
    async fn run(&self, store: &mut Store<State>) -> Result<()> {
        let ended = match self {
            Self::P2(program) => {
                let command = program.instantiate_async(&mut *store).await?;
                command.wasi_cli_run().call_run(&mut *store).await?
            }
            Self::P3(program) => {
                let command = program.instantiate_async(&mut *store).await?;
                store
                    .run_concurrent(async |accessor| command.wasi_cli_run().call_run(accessor).await)
                    .await??
            }
        };
        ended.map_err(|()| wasmtime::format_err!("the guest failed"))
    }
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    interface: Option<Interface>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl State {
    fn sockets(&mut self) -> SocketsView<'_> {
        SocketsView {
            interface: self
                .interface
                .as_ref()
                .expect("only instances of the virtual network are linked to it"),
            table: &mut self.table,
        }
    }
}

struct Bench {
    runtime: Runtime,
    engine: Engine,
    over_virtual: Program,
    over_virtual_p3: Program,
    over_kernel: Program,
}

impl Bench {
    fn new() -> Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true).epoch_interruption(true);
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, guest("bench-network")?)?;
        let mut over_virtual = Linker::new(&engine);
        wasi::p2::add_to_linker(&mut over_virtual)?;
        wasi::p3::add_to_linker(&mut over_virtual)?;
        p2::add_to_linker(&mut over_virtual, State::sockets)?;
        p3::add_to_linker(&mut over_virtual, State::sockets)?;
        let component_p3 = Component::from_file(&engine, guest("bench-network-p3")?)?;
        let mut over_kernel = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut over_kernel)?;
        Ok(Self {
            over_virtual: Program::P2(CommandPreP2::new(over_virtual.instantiate_pre(&component)?)?),
            over_virtual_p3: Program::P3(CommandPreP3::new(over_virtual.instantiate_pre(&component_p3)?)?),
            over_kernel: Program::P2(CommandPreP2::new(over_kernel.instantiate_pre(&component)?)?),
            runtime: Runtime::new(&RuntimeOptions::default())?,
            engine,
        })
    }
}

impl Bench {
    async fn ratios(&self, case: &Case) -> Result<Vec<f64>> {
        let mut ratios = Vec::new();
        for round in 0..ROUNDS {
            // The kernel keeps a port busy for a while after use.
            let port = PORT + u16::try_from(round)?;
            let kernel = self.kernel(case, port).await?;
            let virtual_ = self.virtual_network(case, &self.over_virtual).await?;
            ratios.push(kernel / virtual_);
        }
        Ok(ratios)
    }

    /// How many times as fast 0.3 is as 0.2.
    async fn version_ratios(&self, case: &Case) -> Result<Vec<f64>> {
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let p2 = self.virtual_network(case, &self.over_virtual).await?;
            let p3 = self.virtual_network(case, &self.over_virtual_p3).await?;
            ratios.push(p2 / p3);
        }
        Ok(ratios)
    }

    async fn kernel(&self, case: &Case, port: u16) -> Result<f64> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.measure(case, address, &self.over_kernel, None, None).await
    }

    async fn virtual_network(&self, case: &Case, program: &Program) -> Result<f64> {
        let (server, client) = two_instances()?;
        let address = SocketAddr::from((server.address(), PORT));
        self.measure(case, address, program, Some(server), Some(client)).await
    }

    /// How long the client's work took, in nanoseconds.
    async fn measure(
        &self,
        case: &Case,
        address: SocketAddr,
        program: &Program,
        server: Option<Interface>,
        client: Option<Interface>,
    ) -> Result<f64> {
        let mut serving =
            self.start(program, server, &[case.server, &address.to_string(), &case.count.to_string()]);
        ensure!(serving.line().await? == "listening", "the server did not start");
        let mut working =
            self.start(program, client, &[case.client, &address.to_string(), &case.count.to_string()]);
        let nanoseconds = working.line().await?.parse()?;
        working.end().await?;
        serving.end().await?;
        Ok(nanoseconds)
    }

    fn start(&self, program: &Program, interface: Option<Interface>, arguments: &[&str]) -> Running {
        let (stdout, output) = OutputPipe::new(64 * 1024);
        let mut wasi = WasiCtx::builder();
        wasi.arg("bench-network").args(arguments).stdout(stdout).inherit_stderr();
        // The stock sockets of the comparison may reach loopback; the virtual network has its own policy.
        wasi.allow_tcp(true).allow_udp(true).socket_addr_check(|address, _| {
            let local = address.ip().is_loopback() || address.ip().is_unspecified();
            Box::pin(async move { local })
        });
        let state = State { wasi: wasi.build(), table: ResourceTable::new(), interface };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let program = program.clone();
        let task = self.runtime.spawn(async move { program.run(&mut store).await });
        Running { task, output }
    }
}

struct Running {
    task: tokio::task::JoinHandle<Result<()>>,
    output: OutputReader,
}

impl Running {
    async fn line(&mut self) -> Result<String> {
        let line = self.output.next_line().await.context("the guest ended without a word")?;
        Ok(String::from_utf8(line.bytes)?)
    }

    async fn end(self) -> Result<()> {
        self.task.await?
    }
}

/// Two instances that may talk, each with its interface; the first one serves on [`PORT`].
fn two_instances() -> Result<(Interface, Interface)> {
    let mut policy = Policy::builder();
    let server = policy.role("Server");
    let client = policy.role("Client");
    let ports = PortRange::single(NonZeroU16::new(PORT).context("zero")?);
    policy.endpoint(
        server,
        EndpointGrant {
            name: "Bench".to_owned(),
            transports: Transports::Any,
            ports,
            audience: Audience::Deployment,
        },
    );
    let server = policy.instance(server, "Server_IN_0", 0, Ipv4Addr::new(10, 0, 0, 4));
    let client = policy.instance(client, "Client_IN_0", 0, Ipv4Addr::new(10, 0, 0, 5));
    let network = Network::new(Arc::new(policy.build()?), Arc::new(Silent));
    let attach = |instance: InstanceIndex| network.attach(instance);
    Ok((attach(server)?, attach(client)?))
}

struct Silent;

impl Observer for Silent {
    fn denied(&self, denial: &Denial) {
        eprintln!("denied: {}", denial.reason);
    }
}
