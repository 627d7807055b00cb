//! What one instance costs: a role with the full life cycle is started many times over, each instance with its own
//! interface, and waits in `run`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wasm_roles_role_runtime::{
    Clock, EnvironmentView, InstanceSpec, InstanceState, InstanceView, Limits, OutputPipe, RoleComponent,
    RunningInstance, Runtime, RuntimeOptions, Seed, start,
};
use wasm_roles_virtual_network::{Denial, Network, Observer, Policy};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::guests::guest;
use crate::process::private_memory;

/// Starts `count` instances and prints what that took.
pub fn run(count: u32) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let runtime = Runtime::new(&RuntimeOptions::default())?;
        let component = runtime.load(&guest("role-misbehave")?)?;
        let clock = Clock::new(SystemTime::now());
        // The first ones pay for what all share: lazily linked code, allocator arenas.
        let warm = Deployment::of(64)?.ready(&component, clock).await?;

        let deployment = Deployment::of(count)?;
        let before = private_memory()?;
        let begin = Instant::now();
        let instances = deployment.ready(&component, clock).await?;
        let taken = begin.elapsed();
        let each = private_memory()?.saturating_sub(before) / u64::from(count.max(1));
        println!("| {count} instances of a role, all Ready | measured | bar |");
        println!("|---|---|---|");
        println!("| instances a second | {:.0} | 5000 |", f64::from(count) / taken.as_secs_f64());
        println!("| private memory of an idle one | {} KiB | 100 KiB |", each / 1024);
        for instance in instances.into_iter().chain(warm) {
            instance.kill();
            instance.ended().await;
        }
        Ok(())
    })
}

/// A deployment of `count` instances of one role, none of them attached yet.
struct Deployment {
    network: Network,
    policy: Arc<Policy>,
}

impl Deployment {
    fn of(count: u32) -> Result<Self> {
        let mut policy = Policy::builder();
        let role = policy.role("Worker");
        for ordinal in 0..count {
            let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 4)) + ordinal);
            policy.instance(role, &format!("Worker_IN_{ordinal}"), ordinal, address);
        }
        let policy = Arc::new(policy.build()?);
        Ok(Self { network: Network::new(Arc::clone(&policy), Arc::new(Silent)), policy })
    }

    /// Starts all instances and waits until they are Ready.
    async fn ready(&self, component: &RoleComponent, clock: Clock) -> Result<Vec<RunningInstance>> {
        let mut instances = Vec::new();
        for instance in self.policy.instances() {
            let id = self.policy.instance_id(instance).context("the policy knows its instances")?;
            let spec = spec(id, clock);
            instances.push(start(component, self.network.attach(instance)?, spec));
        }
        for instance in &instances {
            instance.state().wait_for(|state| *state >= InstanceState::Ready).await?;
        }
        Ok(instances)
    }
}

pub fn spec(id: &str, clock: Clock) -> InstanceSpec {
    let current = InstanceView {
        id: id.to_owned(),
        role: "Worker".to_owned(),
        fault_domain: 0,
        update_domain: 0,
        endpoints: Vec::new(),
    };
    let environment = EnvironmentView {
        deployment_id: "0".repeat(32),
        emulated: true,
        current,
        roles: Vec::new(),
        settings: BTreeMap::from([("mode".to_owned(), "wait".to_owned())]),
        local_resources: Vec::new(),
    };
    // Nobody reads what they write: the reader's end is dropped, and the guest's words with it.
    let (stdout, _) = OutputPipe::new(1);
    let (stderr, _) = OutputPipe::new(1);
    InstanceSpec {
        id: id.to_owned(),
        environment: Arc::new(environment),
        arguments: vec!["worker".to_owned()],
        variables: Vec::new(),
        preopens: Vec::new(),
        limits: Limits::default(),
        web: wasm_roles_role_runtime::WebSpec::default(),
        stop_budget: Duration::from_secs(1),
        stdout,
        stderr,
        clock,
        seed: Seed::new([1; 32]).derive(id),
    }
}

pub struct Silent;

impl Observer for Silent {
    fn denied(&self, _: &Denial) {}
}
