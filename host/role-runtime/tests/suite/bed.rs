//! A bed for one role: a network with two instances of it, and everything that an instance needs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wasm_roles_role_runtime::{
    Clock, EnvironmentView, InstanceSpec, InstanceState, InstanceView, Limits, OutputPipe, OutputReader,
    RoleComponent, RoleView, RunningInstance, Runtime, RuntimeOptions, Seed, WebSpec, start,
};
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, Interface, Network, Observer, Policy, PortRange, Transports,
};

/// The endpoint that every instance of the bed has.
pub const PORT: NonZeroU16 = NonZeroU16::new(7000).unwrap();

pub struct Bed {
    pub runtime: Runtime,
    network: Network,
    policy: Arc<Policy>,
}

/// An instance and what it says.
pub struct Started {
    pub instance: RunningInstance,
    pub stdout: OutputReader,
    pub stderr: OutputReader,
}

impl Bed {
    pub fn new() -> Self {
        let mut policy = Policy::builder();
        let role = policy.role("Worker");
        let grant = EndpointGrant {
            name: "Endpoint1".to_owned(),
            transports: Transports::Tcp,
            ports: PortRange::single(PORT),
            audience: Audience::Deployment,
        };
        policy.endpoint(role, grant);
        for ordinal in 0..2 {
            policy.instance(role, &format!("Worker_IN_{ordinal}"), ordinal, address(ordinal));
        }
        let policy = Arc::new(policy.build().unwrap());
        // Compiled guests are kept from test to test: compiling takes far longer than anything that is tested here.
        let options = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&options).unwrap();
        Self { runtime, network: Network::new(Arc::clone(&policy), Arc::new(Silent)), policy }
    }

    pub fn load(&self, guest: &str) -> RoleComponent {
        self.runtime.load(&guest_path(guest)).unwrap()
    }

    /// The interface of the instance with this ordinal.
    pub fn interface(&self, ordinal: usize) -> Interface {
        let instance = self.policy.instances().nth(ordinal).unwrap();
        self.network.attach(instance).unwrap()
    }

    /// Starts instance 0 with one setting, `mode`, and the arguments `mode` says.
    pub fn start(&self, component: &RoleComponent, mode: &str) -> Started {
        self.start_as(0, component, mode)
    }

    /// Starts the instance with this ordinal.
    pub fn start_as(&self, ordinal: usize, component: &RoleComponent, mode: &str) -> Started {
        self.start_as_with(ordinal, component, mode, |_| {})
    }

    pub fn start_with(
        &self,
        component: &RoleComponent,
        mode: &str,
        adjust: impl FnOnce(&mut InstanceSpec),
    ) -> Started {
        self.start_as_with(0, component, mode, adjust)
    }

    /// Starts the instance with this ordinal, with what it gets adjusted.
    pub fn start_as_with(
        &self,
        ordinal: usize,
        component: &RoleComponent,
        mode: &str,
        adjust: impl FnOnce(&mut InstanceSpec),
    ) -> Started {
        let (mut spec, stdout, stderr) = Self::spec(mode);
        adjust(&mut spec);
        let instance = start(component, self.interface(ordinal), spec);
        Started { instance, stdout, stderr }
    }

    /// What an instance gets, with one setting, `mode`, and the arguments that `mode` says; and what it writes.
    pub fn spec(mode: &str) -> (InstanceSpec, OutputReader, OutputReader) {
        let (stdout, stdout_reader) = OutputPipe::new(64 * 1024);
        let (stderr, stderr_reader) = OutputPipe::new(64 * 1024);
        let spec = InstanceSpec {
            id: "Worker_IN_0".to_owned(),
            environment: Arc::new(environment(mode)),
            arguments: std::iter::once("worker").chain(mode.split(' ')).map(str::to_owned).collect(),
            variables: Vec::new(),
            preopens: Vec::new(),
            limits: Limits::default(),
            web: WebSpec { ports: vec![PORT], ..WebSpec::default() },
            stop_budget: Duration::from_secs(30),
            stdout,
            stderr,
            clock: Clock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)),
            seed: Seed::new([3; 32]),
        };
        (spec, stdout_reader, stderr_reader)
    }
}

impl Started {
    pub async fn reached(&self, state: InstanceState) {
        self.instance.state().wait_for(|now| *now >= state).await.unwrap();
    }

    /// The next line of standard output.
    pub async fn says(&mut self) -> String {
        let line = self.stdout.next_line().await.expect("a line");
        String::from_utf8(line.bytes).unwrap()
    }
}

/// What an instance of the bed sees, with one setting, `mode`.
pub fn environment(mode: &str) -> EnvironmentView {
    let current = InstanceView {
        id: "Worker_IN_0".to_owned(),
        role: "Worker".to_owned(),
        fault_domain: 0,
        update_domain: 0,
        endpoints: Vec::new(),
    };
    EnvironmentView {
        deployment_id: "0123456789abcdef0123456789abcdef".to_owned(),
        emulated: true,
        roles: vec![RoleView { name: "Worker".to_owned(), instances: [current.clone()].into() }],
        current,
        settings: BTreeMap::from([("mode".to_owned(), mode.to_owned())]),
        local_resources: Vec::new(),
    }
}

pub fn address(ordinal: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 4)) + ordinal)
}

/// The component of a test guest.
pub fn guest_path(name: &str) -> PathBuf {
    let path = root().join("target/guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "{} is missing; run `cargo xtask guests` first", path.display());
    path
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

struct Silent;

impl Observer for Silent {
    fn denied(&self, _: &Denial) {}
}
