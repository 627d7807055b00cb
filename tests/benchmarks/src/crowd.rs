//! What an idle connection between two guests costs, end to end: many instances with ten open connections each, on which
//! 64 KiB have passed in each direction. Everything is in it: both guests' own memory, the host's resources for them, both ends and
//! queues of the connection. It is the memory of the process with the connections less that of the same instances,
//! listening, without.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_role_runtime::{
    Clock, InstanceSpec, RoleComponent, RunningInstance, Runtime, RuntimeOptions, start,
};
use wasm_roles_virtual_network::{
    Audience, EndpointGrant, Interface, NetError, Network, Policy, PortRange, TcpStream, Transports,
};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::guests::guest;
use crate::instances::{Silent, spec};
use crate::process::private_memory;

/// Each instance opens half of its connections, and accepts the other half.
const OPENS: u8 = 5;
const PORT: NonZeroU16 = NonZeroU16::new(7000).unwrap();
/// Instances that are told at the same time to open theirs. What all of them send at once would be most of what is
/// measured: the allocator keeps the room that it took.
const AT_ONCE: usize = 16;
/// Where nothing listens yet, the host asks again so often.
const PATIENCE: u32 = 1_000_000;

/// Opens the connections of `count` instances, twice, and prints what one costs.
pub fn run(count: u32) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let runtime = Runtime::new(&RuntimeOptions::default())?;
        let component = runtime.load(&guest("bench-network")?)?;
        let clock = Clock::new(SystemTime::now());
        // The first ones pay for what all share.
        let mut warm = Crowd::start(&component, clock, 16).await?;
        warm.open(OPENS).await?;

        let mut crowd = Crowd::start(&component, clock, count).await?;
        // A round of nothing: the instances have taken the steps that are not about connections.
        crowd.open(0).await?;
        let connections = u64::from(count.max(1)) * u64::from(OPENS);
        println!("| {count} instances with {} more connections each | measured | bar |", 2 * OPENS);
        println!("|---|---|---|");
        for which in ["the first ones", "ten more"] {
            let before = private_memory()?;
            crowd.open(OPENS).await?;
            let each = private_memory()?.saturating_sub(before) / connections;
            println!(
                "| memory of an idle connection, both guests and all between, {which} | {each} B | 4096 B |"
            );
        }
        crowd.end().await;
        warm.end().await;
        Ok(())
    })
}

/// Instances in a ring: each connects to the next one.
struct Crowd {
    instances: Vec<RunningInstance>,
    /// The host's connection to each, which tells it what to do.
    controls: Vec<TcpStream>,
    _controller: Interface,
}

impl Crowd {
    async fn start(component: &RoleComponent, clock: Clock, count: u32) -> Result<Self> {
        let mut policy = Policy::builder();
        let role = policy.role("Peer");
        let (name, transports, audience) = ("Bench".to_owned(), Transports::Tcp, Audience::Deployment);
        policy.endpoint(role, EndpointGrant { name, transports, ports: PortRange::single(PORT), audience });
        for ordinal in 0..count {
            policy.instance(role, &format!("Peer_IN_{ordinal}"), ordinal, address(ordinal));
        }
        let controller = policy.role("Controller");
        let controller = policy.instance(controller, "Controller_IN_0", 0, address(count));
        let policy = Arc::new(policy.build()?);
        let network = Network::new(Arc::clone(&policy), Arc::new(Silent));
        let mut instances = Vec::new();
        for (ordinal, instance) in (0..count).zip(policy.instances()) {
            let id = policy.instance_id(instance).context("the policy knows its instances")?;
            let next = SocketAddr::from((address((ordinal + 1) % count), PORT.get()));
            let arguments = ["bench-network", "crowd", &next.to_string(), "0"].map(str::to_owned).to_vec();
            let spec = InstanceSpec { arguments, ..spec(id, clock) };
            instances.push(start(component, network.attach(instance)?, spec));
        }
        let controller = network.attach(controller)?;
        let mut controls = Vec::new();
        for ordinal in 0..count {
            controls.push(control(&controller, ordinal).await?);
        }
        Ok(Self { instances, controls, _controller: controller })
    }

    /// Lets each instance open so many connections to the next one and use them, and waits until all are idle.
    async fn open(&mut self, connections: u8) -> Result<()> {
        let (mut told, mut done) = (0, 1);
        while told < self.controls.len() {
            let now = (told + AT_ONCE).min(self.controls.len());
            for control in self.controls.get_mut(told..now).unwrap_or_default() {
                control.write_all(&[connections]).await?;
            }
            told = now;
            // Each needs the one before and the one after it, so the last one is not done; the first one waits for the last.
            self.hear(done..told - 1).await?;
            done = done.max(told - 1);
        }
        self.hear(done..told).await?;
        self.hear(0..1).await
    }

    async fn hear(&mut self, which: Range<usize>) -> Result<()> {
        for control in self.controls.get_mut(which).unwrap_or_default() {
            control.read_exact(&mut [0]).await.context("an instance gave up")?;
        }
        Ok(())
    }

    async fn end(self) {
        for instance in self.instances {
            instance.kill();
            instance.ended().await;
        }
    }
}

/// Connects to an instance, which listens soon.
async fn control(controller: &Interface, ordinal: u32) -> Result<TcpStream> {
    let target = SocketAddr::from((address(ordinal), PORT.get()));
    for _ in 0..PATIENCE {
        let connected = match controller.connect(target) {
            Ok(connecting) => connecting.await,
            Err(error) => Err(error),
        };
        match connected {
            Err(NetError::ConnectionRefused) => tokio::task::yield_now().await,
            connected => return Ok(connected?),
        }
    }
    Err(NetError::ConnectionRefused).context("an instance does not listen")
}

fn address(ordinal: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 4)) + ordinal)
}
