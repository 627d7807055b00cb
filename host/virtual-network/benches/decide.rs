//! How long one decision takes in a large service: 25 roles with 25 endpoints each and 10,000 instances. The
//! bar is 100 ns.
//!
//! `cargo bench -p wasm-roles-virtual-network`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and prints"
)]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Instant;

use wasm_roles_virtual_network::{
    Audience, EndpointGrant, InstanceIndex, Operation, Origin, Policy, PortRange, Transport, Transports,
};

const ROLES: usize = 25;
const ENDPOINTS: u16 = 25;
const INSTANCES: usize = 10_000;
const DECISIONS: usize = 4_000_000;

fn main() {
    let (policy, instances) = large_service();
    let bind = Operation::Bind(Transport::Tcp);
    for (name, operation, port, stranger) in [
        ("connect, ports of a row in turn", Operation::Connect, None, false),
        ("connect, no endpoint on the port", Operation::Connect, Some(999), false),
        ("connect, outside the deployment", Operation::Connect, Some(1000), true),
        ("bind, declared port", bind, None, false),
    ] {
        let questions = questions(&policy, &instances, operation, port, stranger);
        let nanoseconds = measure(&policy, operation, &questions);
        println!("decide: {name:<34} {nanoseconds:>6.1} ns");
    }
}

/// Every third endpoint is open, every third admits half of the roles, every third is one range of ten ports.
fn large_service() -> (Policy, Vec<InstanceIndex>) {
    let mut builder = Policy::builder();
    let roles: Vec<_> = (0..ROLES).map(|n| builder.role(&format!("Role{n}"))).collect();
    for role in &roles {
        for n in 0..ENDPOINTS {
            let first = NonZeroU16::new(1000 + n * 10).unwrap();
            let last = NonZeroU16::new(first.get() + if n % 3 == 2 { 9 } else { 0 }).unwrap();
            let listed = roles.iter().copied().step_by(2).collect();
            let audience = match n % 3 {
                1 => Audience::Only { roles: listed, origin: Origin::new("service.csdef:31:7") },
                _ => Audience::Deployment,
            };
            let (name, ports) = (format!("Endpoint{n}"), PortRange::new(first, last).unwrap());
            builder.endpoint(*role, EndpointGrant { name, transports: Transports::Tcp, ports, audience });
        }
    }
    let addresses = (u32::from(Ipv4Addr::new(10, 0, 0, 4))..).map(Ipv4Addr::from);
    let places = roles.iter().cycle().zip(0u32..).zip(addresses).take(INSTANCES);
    let instances = places
        .map(|((role, n), address)| {
            let ordinal = n / u32::try_from(ROLES).unwrap();
            builder.instance(*role, &format!("Instance{n}"), ordinal, address)
        })
        .collect();
    (builder.build().unwrap(), instances)
}

/// Pairs that jump through the address space, so that the caches get no easy pattern.
fn questions(
    policy: &Policy,
    instances: &[InstanceIndex],
    operation: Operation,
    port: Option<u16>,
    stranger: bool,
) -> Vec<(InstanceIndex, SocketAddr)> {
    let mut position = 0;
    let mut next = || {
        position = (position + 7919) % instances.len();
        *instances.get(position).unwrap()
    };
    (0..8192u16)
        .map(|n| {
            let subject = next();
            let target = if matches!(operation, Operation::Bind(_)) { subject } else { next() };
            let address = policy.instance_address(target).unwrap();
            let address = if stranger { Ipv4Addr::new(192, 168, 0, 1) } else { address };
            (subject, SocketAddr::from((address, port.unwrap_or(1000 + n % ENDPOINTS * 10))))
        })
        .collect()
}

fn measure(policy: &Policy, operation: Operation, questions: &[(InstanceIndex, SocketAddr)]) -> f64 {
    let run = |count: usize| {
        let mut allowed = 0usize;
        for (subject, target) in questions.iter().cycle().take(count) {
            let verdict = policy.decide(black_box(*subject), operation, black_box(*target));
            allowed += usize::from(black_box(verdict).is_allowed());
        }
        allowed
    };
    black_box(run(DECISIONS / 10));
    let start = Instant::now();
    black_box(run(DECISIONS));
    start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(DECISIONS).unwrap())
}
