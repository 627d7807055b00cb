//! A network of four instances, and guests of both versions of WASI to run on it.
//!
//! | instance | address | endpoints, of both transports |
//! |---|---|---|
//! | `Subject_IN_0`, `Subject_IN_1` | 10.0.0.4, 10.0.0.5 | 7000 for the deployment |
//! | `Peer_IN_0` | 10.0.0.6 | 8000 for the deployment, 8001 for role `Peer` only |
//! | `Hidden_IN_0` | 10.0.0.7 | 9000 for the public |

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasm_roles_virtual_network::{
    Audience, Counters, Denial, EndpointGrant, HandOver, Interface, NetError, Network, Observer, Origin,
    Policy, PolicyBuilder, PortRange, RoleIndex, TcpListener, TcpStream, Transports, UdpSocket,
};
use wasm_roles_wasi_sockets::{SocketsView, p2, p3, wasi};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V0_2,
    V0_3,
}

pub const BOTH: [Version; 2] = [Version::V0_2, Version::V0_3];

pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    interface: Interface,
}

impl State {
    pub fn sockets(&mut self) -> SocketsView<'_> {
        SocketsView { interface: &self.interface, table: &mut self.table }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What all tests share: compiling the guests is the slow part.
struct Host {
    p2: wasmtime_wasi::p2::bindings::CommandPre<State>,
    p3: wasmtime_wasi::p3::bindings::CommandPre<State>,
}

pub fn engine() -> Engine {
    let mut config = Config::new();
    // A guest that computes steps back after each tick, as it does in a real host: nobody has the thread alone.
    config.wasm_component_model_async(true).epoch_interruption(true);
    let engine = Engine::new(&config).unwrap();
    let ticks = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = ticks.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    engine
}

/// A store whose guest gives way at each tick.
pub fn store<T: 'static>(engine: &Engine, state: T) -> Store<T> {
    let mut store = Store::new(engine, state);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let engine = engine();
        let mut linker = Linker::new(&engine);
        wasi::p2::add_to_linker(&mut linker).unwrap();
        wasi::p3::add_to_linker(&mut linker).unwrap();
        p2::add_to_linker(&mut linker, State::sockets).unwrap();
        p3::add_to_linker(&mut linker, State::sockets).unwrap();
        let pre = |name| linker.instantiate_pre(&guest(&engine, name)).unwrap();
        Host {
            p2: wasmtime_wasi::p2::bindings::CommandPre::new(pre("sockets-p2")).unwrap(),
            p3: wasmtime_wasi::p3::bindings::CommandPre::new(pre("sockets-p3")).unwrap(),
        }
    })
}

/// A component that `cargo xtask guests` has built.
pub fn guest(engine: &Engine, name: &str) -> Component {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let path = root.join("target/guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "{} is missing; run `cargo xtask guests` first", path.display());
    Component::from_file(engine, path).unwrap()
}

pub struct Bed {
    network: Network,
}

impl Bed {
    pub fn new() -> Self {
        Self { network: Network::new(Arc::new(policy()), Arc::new(Silent)) }
    }

    /// The interface of an instance, by its place in the table above.
    pub fn attach(&self, instance: usize) -> Interface {
        let instance = self.network.policy().instances().nth(instance).unwrap();
        self.network.attach(instance).unwrap()
    }

    pub fn subject(&self) -> Interface {
        self.attach(0)
    }

    pub fn peer(&self) -> Interface {
        self.attach(2)
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn counters(&self) -> Counters {
        self.network.counters()
    }

    /// From now on nothing is allowed to anybody.
    pub fn deny_everything(&self) {
        self.network.set_policy(Arc::new(PolicyBuilder::default().build().unwrap()));
    }
}

fn policy() -> Policy {
    let mut policy = Policy::builder();
    let subject = policy.role("Subject");
    policy.endpoint(subject, endpoint("Subject1", 7000, Audience::Deployment));
    let peer = policy.role("Peer");
    policy.endpoint(peer, endpoint("Peer1", 8000, Audience::Deployment));
    policy.endpoint(peer, endpoint("Peer2", 8001, only(peer)));
    let hidden = policy.role("Hidden");
    policy.endpoint(hidden, endpoint("Hidden1", 9000, Audience::Public));
    policy.instance(subject, "Subject_IN_0", 0, Ipv4Addr::new(10, 0, 0, 4));
    policy.instance(subject, "Subject_IN_1", 1, Ipv4Addr::new(10, 0, 0, 5));
    policy.instance(peer, "Peer_IN_0", 0, Ipv4Addr::new(10, 0, 0, 6));
    policy.instance(hidden, "Hidden_IN_0", 0, Ipv4Addr::new(10, 0, 0, 7));
    policy.build().unwrap()
}

fn only(role: RoleIndex) -> Audience {
    Audience::Only { roles: vec![role], origin: Origin::from("service.csdef:12:3") }
}

fn endpoint(name: &str, port: u16, audience: Audience) -> EndpointGrant {
    let ports = PortRange::single(NonZeroU16::new(port).unwrap());
    EndpointGrant { name: name.to_owned(), transports: Transports::Any, ports, audience }
}

struct Silent;

impl Observer for Silent {
    fn denied(&self, _: &Denial) {}
}

/// Runs a guest to its end; gives what it printed. A guest that traps fails the test.
pub async fn run(version: Version, interface: Interface, command: &str) -> String {
    run_with(version, interface, command, |_| {}).await
}

/// As [`run`], with a say in the table of resources.
pub async fn run_with(
    version: Version,
    interface: Interface,
    command: &str,
    adjust: impl FnOnce(&mut ResourceTable),
) -> String {
    let (said, ended) = end_of(version, interface, command, adjust).await;
    ended
        .unwrap_or_else(|error| panic!("`{command}` over {version:?} trapped after {said:?}: {error:?}"))
        .unwrap();
    said
}

/// Runs a guest that traps; gives the reason.
pub async fn trap(version: Version, interface: Interface, command: &str) -> String {
    match end_of(version, interface, command, |_| {}).await {
        (_, Err(error)) => format!("{error:#}"),
        (said, Ok(_)) => panic!("`{command}` over {version:?} did not trap: {said:?}"),
    }
}

/// A guest that runs beside the test.
pub struct Running {
    task: tokio::task::JoinHandle<wasmtime::Result<Result<(), ()>>>,
    stdout: MemoryOutputPipe,
    command: String,
}

/// Starts a guest.
pub fn start(version: Version, interface: Interface, command: &str) -> Running {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let state = state(interface, command, stdout.clone());
    Running { task: tokio::spawn(call(version, state)), stdout, command: command.to_owned() }
}

impl Running {
    fn said(&self) -> String {
        String::from_utf8(self.stdout.contents().to_vec()).unwrap().trim_end().to_owned()
    }

    /// Waits until the guest has printed just this; false when it ends without.
    pub async fn says(&self, words: &str) -> bool {
        while self.said() != words {
            if !self.is_running() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }

    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits for the end; gives what it printed.
    pub async fn end(self, patience: Duration) -> String {
        let Self { mut task, stdout, command } = self;
        let ended = tokio::time::timeout(patience, &mut task).await;
        let said = String::from_utf8(stdout.contents().to_vec()).unwrap().trim_end().to_owned();
        let ended = ended.unwrap_or_else(|_| panic!("`{command}` hangs after {said:?}"));
        ended
            .unwrap()
            .unwrap_or_else(|error| panic!("`{command}` trapped after {said:?}: {error:?}"))
            .unwrap();
        said
    }

    /// Ends the guest where it stands.
    pub async fn stop(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

fn state(interface: Interface, command: &str, stdout: MemoryOutputPipe) -> State {
    let mut wasi = WasiCtx::builder();
    wasi.arg("sockets").args(&command.split(' ').collect::<Vec<_>>()).stdout(stdout).inherit_stderr();
    State { wasi: wasi.build(), table: ResourceTable::new(), interface }
}

async fn call(version: Version, state: State) -> wasmtime::Result<Result<(), ()>> {
    match version {
        Version::V0_2 => {
            let pre = &host().p2;
            let mut store = store(pre.engine(), state);
            let command = pre.instantiate_async(&mut store).await?;
            command.wasi_cli_run().call_run(&mut store).await
        }
        Version::V0_3 => {
            let pre = &host().p3;
            let mut store = store(pre.engine(), state);
            let command = pre.instantiate_async(&mut store).await?;
            store.run_concurrent(async |accessor| command.wasi_cli_run().call_run(accessor).await).await?
        }
    }
}

/// What a guest prints, and how it ends.
async fn end_of(
    version: Version,
    interface: Interface,
    command: &str,
    adjust: impl FnOnce(&mut ResourceTable),
) -> (String, wasmtime::Result<Result<(), ()>>) {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let mut state = state(interface, command, stdout.clone());
    adjust(&mut state.table);
    let ended = tokio::time::timeout(PATIENCE, call(version, state)).await;
    let said = String::from_utf8(stdout.contents().to_vec()).unwrap();
    let ended = ended.unwrap_or_else(|_| panic!("`{command}` over {version:?} hangs after {said:?}"));
    (said.trim_end().to_owned(), ended)
}

/// A listener of the test's own.
pub fn listen(interface: &Interface, address: &str) -> TcpListener {
    interface.bind(address.parse().unwrap()).unwrap().listen(16).unwrap()
}

/// Connects to a guest, as soon as it listens.
pub async fn connect_when_it_listens(interface: &Interface, address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    loop {
        // An instance that has not listened yet refuses; the guest gets on while this task steps back.
        match interface.connect(address) {
            Ok(connecting) => return connecting.await.unwrap(),
            Err(NetError::ConnectionRefused) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A UDP socket of the test's own.
pub fn bind_udp(interface: &Interface, address: &str) -> UdpSocket {
    interface.bind_udp(address.parse().unwrap()).unwrap()
}

/// Sends a datagram to a guest, as soon as it can receive; gives what it answers.
pub async fn ask_when_it_receives(interface: &Interface, address: &str, question: &'static str) -> String {
    let socket = bind_udp(interface, "0.0.0.0:0");
    socket.connect(address.parse().unwrap()).unwrap();
    loop {
        // A guest that has not bound yet refuses; it gets on while this task steps back.
        let outcome = match socket.send(question.into()) {
            Ok(()) => socket.receive().await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(answer) => return String::from_utf8(answer.data.to_vec()).unwrap(),
            Err(NetError::ConnectionRefused) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Gives a connection of the operating system to a guest, as soon as it listens.
pub async fn hand_over_when_it_listens(interface: &Interface, port: u16, stream: tokio::net::TcpStream) {
    let port = NonZeroU16::new(port).unwrap();
    let mut stream = stream.into();
    loop {
        match interface.hand_over(port, stream) {
            Ok(()) => return,
            Err(HandOver::NotListening(back)) => stream = back,
            Err(error @ HandOver::BacklogFull(_)) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}
