//! Neighbours: how much longer the round trips of a conversation take while other instances of the deployment attack. Rounds
//! with and without attackers alternate.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasm_roles_role_runtime::{OutputPipe, OutputReader};
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, InstanceIndex, Interface, Network, Observer, Policy, PortRange,
    Transports,
};
use wasm_roles_wasi_sockets::{SocketsView, p2, wasi};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::error::Context;
use wasmtime::{Config, Engine, Result, Store, ensure};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guests::guest;
use crate::statistics::{median, range};

const ROUNDS: usize = 7;
const ROUND_TRIPS: u32 = 5_000;

/// What the attackers do, and to whom; the server listens on 10.0.0.4:7000 and nobody may reach 10.0.0.5:22.
const ATTACKS: [(&str, [&str; 2]); 3] = [
    ("connect storms", ["attack storm 10.0.0.4:7000 forever", "attack storm 10.0.0.5:22 forever"]),
    (
        "half-open floods",
        ["attack half-open 10.0.0.4:7000 forever", "attack half-open 10.0.0.4:7000 forever"],
    ),
    (
        "floods of datagrams",
        ["attack datagrams 10.0.0.4:7000 forever", "attack datagrams 10.0.0.4:7000 forever"],
    ),
];

/// Measures every attack and prints a table.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .event_interval(2)
        .global_queue_interval(2)
        .enable_all()
        .build()?;
    let program = program()?;
    let ticks = program.engine().weak();
    std::thread::spawn(move || {
        while let Some(engine) = ticks.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    runtime.block_on(async {
        println!(
            "| a conversation beside two attackers | time per round trip / undisturbed | lowest | highest |"
        );
        println!("|---|---|---|---|");
        for (name, attacks) in &ATTACKS {
            let mut ratios = Vec::new();
            for _ in 0..ROUNDS {
                let undisturbed = conversation(&program, &[]).await?;
                ratios.push(conversation(&program, attacks).await? / undisturbed);
            }
            let (low, high) = range(&ratios);
            println!("| {name} | {:.1}x | {low:.1}x | {high:.1}x |", median(&ratios));
        }
        Ok(())
    })
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    interface: Interface,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

fn program() -> Result<CommandPre<State>> {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, guest("sockets-p2")?)?;
    let mut linker = Linker::new(&engine);
    wasi::p2::add_to_linker(&mut linker)?;
    p2::add_to_linker(&mut linker, |state: &mut State| SocketsView {
        interface: &state.interface,
        table: &mut state.table,
    })?;
    CommandPre::new(linker.instantiate_pre(&component)?)
}

/// How long the round trips take, in seconds.
async fn conversation(program: &CommandPre<State>, attacks: &[&str]) -> Result<f64> {
    let [server, client, attacker] = instances()?;
    let serving = start(program, server, "serve 0.0.0.0:7000 1");
    // It listens soon; until then it refuses.
    let mut talking = loop {
        let mut talking = start(program, client.clone(), &format!("rounds 10.0.0.4:7000 {ROUND_TRIPS}"));
        if talking.line().await? == "connected" {
            break talking;
        }
    };
    let attacking: Vec<Running> =
        attacks.iter().map(|attack| start(program, attacker.clone(), attack)).collect();
    let begun = Instant::now();
    ensure!(talking.line().await? == format!("{ROUND_TRIPS} rounds"), "the conversation broke off");
    let taken = begun.elapsed().as_secs_f64();
    talking.task.await??;
    serving.task.await??;
    for attack in attacking {
        attack.task.abort();
    }
    Ok(taken)
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
}

fn start(program: &CommandPre<State>, interface: Interface, command: &str) -> Running {
    let (stdout, output) = OutputPipe::new(64 * 1024);
    let mut wasi = WasiCtx::builder();
    wasi.arg("sockets-p2").args(&command.split(' ').collect::<Vec<_>>()).stdout(stdout).inherit_stderr();
    let mut store =
        Store::new(program.engine(), State { wasi: wasi.build(), table: ResourceTable::new(), interface });
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    let program = program.clone();
    let task = tokio::spawn(async move {
        let command = program.instantiate_async(&mut store).await?;
        let ended = command.wasi_cli_run().call_run(&mut store).await?;
        ended.map_err(|()| wasmtime::format_err!("the guest failed"))
    });
    Running { task, output }
}

/// A server, a client and an attacker, which may all reach the server's port 7000.
fn instances() -> Result<[Interface; 3]> {
    let mut policy = Policy::builder();
    let role = policy.role("Role");
    let ports = PortRange::single(NonZeroU16::new(7000).context("zero")?);
    let (name, transports, audience) = ("Echo".to_owned(), Transports::Any, Audience::Deployment);
    policy.endpoint(role, EndpointGrant { name, transports, ports, audience });
    let instances: [InstanceIndex; 3] = [4_u8, 5, 6].map(|host| {
        policy.instance(role, &format!("Role_IN_{host}"), u32::from(host), Ipv4Addr::new(10, 0, 0, host))
    });
    let network = Network::new(Arc::new(policy.build()?), Arc::new(Silent));
    let [server, client, attacker] = instances;
    Ok([network.attach(server)?, network.attach(client)?, network.attach(attacker)?])
}

struct Silent;

impl Observer for Silent {
    fn denied(&self, _: &Denial) {}
}
