//! A network with a role that asks, and three that can be asked.
//!
//! | instance | address | endpoints |
//! |---|---|---|
//! | `Subject_IN_0` | 10.0.0.4 | |
//! | `Open_IN_0`, `Open_IN_1` | 10.0.0.5, 10.0.0.6 | 8080 to 8089 for the deployment |
//! | `Closed_IN_0` | 10.0.0.7 | 8080 for role `Open` only |

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use wasm_roles_role_runtime::{
    InstanceSpec, OutputReader, ProgramEnd, RoleComponent, Runtime, RuntimeOptions, TrustedRoots, Wires,
    run_program,
};
use wasm_roles_virtual_network::outside::Soon;
use wasm_roles_virtual_network::{
    AddressRange, Audience, Denial, EndpointGrant, HostName, HostRules, Interface, InterfaceLimits,
    MemoryBudget, NameAnswer, Network, Observer, Origin, Outside, Policy, PortRange, SystemOutside,
    Transports,
};

use crate::bed::guest_path;

/// The guests.
pub const BOTH: [&str; 2] = ["http-out-p2", "http-out-p3"];

pub struct Bed {
    pub network: Network,
    policy: Arc<Policy>,
    runtime: Runtime,
    told: Arc<Told>,
    subject: Interface,
}

/// What the network reported.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn denied(&self, denial: &Denial) {
        let text = format!("{} to {}: {}", denial.operation, denial.target, denial.reason);
        self.0.lock().unwrap().push(text);
    }
}

/// The world outside: names, and a server that has all addresses.
struct World {
    server: Option<SocketAddr>,
}

impl Outside for World {
    fn connect(&self, _: SocketAddr) -> Soon<tokio::net::TcpStream> {
        match self.server {
            Some(server) => SystemOutside.connect(server),
            None => Box::pin(std::future::pending()),
        }
    }

    fn bind_udp(&self, _: SocketAddr) -> io::Result<std::net::UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn look_up(&self, name: HostName) -> Soon<NameAnswer> {
        Box::pin(async move {
            let address: [u8; 4] = match name.as_str() {
                "www.example.com" | "other.example.com" => [93, 184, 216, 34],
                "rebound.example.com" => [127, 0, 0, 1],
                "busy.example.com" => return Err(io::ErrorKind::ResourceBusy.into()),
                "slow.example.com" => return std::future::pending().await,
                _ => return Err(io::ErrorKind::NotFound.into()),
            };
            Ok(NameAnswer { addresses: vec![IpAddr::from(address)], time_to_live: Duration::from_secs(60) })
        })
    }
}

impl Bed {
    pub fn new() -> Self {
        Self::with_memory(Arc::default())
    }

    /// A bed whose subject has this memory.
    pub fn with_memory(memory: Arc<MemoryBudget>) -> Self {
        let policy = Arc::new(policy(true));
        let told = Arc::new(Told::default());
        let network = Network::new(Arc::clone(&policy), Arc::clone(&told) as Arc<dyn Observer>);
        let limits = InterfaceLimits::default().with_memory(memory);
        let subject = network.attach_with(policy.instances().next().unwrap(), limits).unwrap();
        Self { network, policy, runtime: runtime(), told, subject }
    }

    /// The interface of the instance at 10.0.0.`last`.
    pub fn interface(&self, last: u8) -> Interface {
        let instance = self.policy.instance_at(Ipv4Addr::new(10, 0, 0, last)).unwrap();
        self.network.attach(instance).unwrap()
    }

    pub fn subject(&self) -> &Interface {
        &self.subject
    }

    /// Lets the subject out by these rules, into a world where all addresses are at `server`; without one, nobody answers.
    pub fn let_out(&self, rules: &[&str], server: Option<SocketAddr>) {
        let mut host = HostRules::default();
        rules.iter().for_each(|rule| host.allow(rule.parse().unwrap()));
        self.network.set_host_rules(host);
        self.network.set_outside(Arc::new(World { server }));
    }

    /// From now on guests believe this authority alone.
    pub fn believe(&mut self, authority: &[u8]) {
        self.runtime = self.runtime.clone().trusting(TrustedRoots::none().and(authority));
    }

    /// From now on every question of a guest is answered with no.
    pub fn deny_everything(&self) {
        self.network.set_policy(Arc::new(policy(false)));
    }

    /// What was reported is reported again.
    pub fn report_afresh(&self) {
        self.network.set_policy(Arc::clone(&self.policy));
        self.denials();
    }

    /// What was denied so far.
    pub fn denials(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.0.lock().unwrap())
    }

    /// Runs a guest to its end, and gives what it said.
    pub async fn run(&self, guest: &str, command: &str) -> String {
        let (component, spec, mut said) = self.program(guest, command);
        let end = run_program(&component, self.subject.clone(), spec, &Wires::loose()).await;
        assert_eq!(end, ProgramEnd::Exited { status: 0 }, "{guest} {command}");
        let line = said.next_line().await.expect("a line");
        String::from_utf8(line.bytes).unwrap()
    }

    /// A guest to be run, and its output.
    pub fn program(&self, guest: &str, command: &str) -> (RoleComponent, InstanceSpec, OutputReader) {
        let (spec, said, _) = crate::bed::Bed::spec(command);
        (self.runtime.load(&guest_path(guest)).unwrap(), spec, said)
    }
}

/// The policy of the bed; without endpoints it lets nobody ask anybody.
fn policy(with_endpoints: bool) -> Policy {
    let mut policy = Policy::builder();
    let roles = ["Subject", "Open", "Closed"].map(|role| policy.role(role));
    let [subject, open, closed] = roles;
    let ports =
        |last| PortRange::new(NonZeroU16::new(8080).unwrap(), NonZeroU16::new(last).unwrap()).unwrap();
    let only_open = Audience::Only { roles: vec![open], origin: Origin::new("Service.csdef:7:1") };
    for (role, last, audience) in [(open, 8089, Audience::Deployment), (closed, 8080, only_open)] {
        let grant = EndpointGrant {
            name: "Web".to_owned(),
            transports: Transports::Tcp,
            ports: ports(last),
            audience,
        };
        if with_endpoints {
            policy.endpoint(role, grant);
        }
    }
    let instances = [
        (subject, "Subject_IN_0", 0, 4),
        (open, "Open_IN_0", 0, 5),
        (open, "Open_IN_1", 1, 6),
        (closed, "Closed_IN_0", 0, 7),
    ];
    for (role, id, ordinal, last) in instances {
        policy.instance(role, id, ordinal, Ipv4Addr::new(10, 0, 0, last));
    }
    policy.subnet(AddressRange::new(Ipv4Addr::new(10, 0, 0, 0).into(), 24).unwrap());
    policy.build().unwrap()
}

/// One for all tests: compiling the guests takes far longer than anything that is tested here.
fn runtime() -> Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        Runtime::new(&RuntimeOptions::default().cached_in(root.join("target/test-cache"))).unwrap()
    };
    RUNTIME.get_or_init(make).clone()
}
