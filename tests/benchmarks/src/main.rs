//! Benchmarks. Each figure is a ratio of two things measured in one run on one machine, or a size; an absolute time
//! says little elsewhere. `cargo xtask bench` builds what they need and runs them all; the results are in
//! BENCHMARKS.md.
//!
//! ```text
//! wasm-roles-benchmarks                    all of them
//! wasm-roles-benchmarks network [CASE]     guest to guest: virtual network against kernel loopback
//! wasm-roles-benchmarks connections [COUNT]  memory of idle connections of so many interfaces
//! wasm-roles-benchmarks crowd [COUNT]      memory of idle connections between so many guests
//! wasm-roles-benchmarks neighbours         round trips of two instances while others attack
//! wasm-roles-benchmarks instances [COUNT]  start instances, memory when idle
//! wasm-roles-benchmarks config-change [COUNT]  change a setting of so many instances
//! wasm-roles-benchmarks operate            recycle, scale, change, stop, start, swap under load: what fails
//! wasm-roles-benchmarks tenants [COUNT]    so many deployments of three instances each in one process
//! wasm-roles-benchmarks cpu                late wake-ups beside spinning instances, shares by weight
//! wasm-roles-benchmarks storage            4 KiB writes: with a quota against the stock file system
//! wasm-roles-benchmarks languages          start of a service of four languages, idle memory of each
//! wasm-roles-benchmarks input-endpoint [REQUESTS]  a public tcp endpoint against a bare tokio server
//! wasm-roles-benchmarks web [PART]         web roles (needs wrk): hello, per-request, many, files, latency, recycle
//! wasm-roles-benchmarks watch              a saved source until it runs (needs Rust's target wasm32-wasip2)
//! ```

mod config_change;
mod connections;
mod cpu;
mod crowd;
mod guests;
mod input_endpoint;
mod instances;
mod languages;
mod neighbours;
mod network;
mod operate;
mod process;
mod statistics;
mod storage;
mod tenants;
mod watch;
mod web;

use mimalloc::MiMalloc;
use wasmtime::{Result, bail};

/// The one of the command line: what is measured is what people run.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many instances are started where no other number is asked for.
const INSTANCES: u32 = 1_000;
/// How many deployments are started where no other number is asked for.
const DEPLOYMENTS: u32 = 1_000;
/// How many requests of a kind a round of `input-endpoint` has where no other number is asked for.
const REQUESTS: u32 = 20_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            network::run("")?;
            neighbours::run()?;
            instances::run(INSTANCES)?;
            connections::run(INSTANCES)?;
            crowd::run(INSTANCES)?;
            config_change::run(INSTANCES)?;
            operate::run()?;
            tenants::run(DEPLOYMENTS)?;
            cpu::run()?;
            storage::run()?;
            input_endpoint::run(REQUESTS)?;
            languages::run()?;
            web::run()?;
            watch::run()
        }
        ["network"] => network::run(""),
        ["network", part] => network::run(part),
        ["neighbours"] => neighbours::run(),
        ["connections"] => connections::run(INSTANCES),
        ["connections", count] => connections::run(count.parse()?),
        ["crowd"] => crowd::run(INSTANCES),
        ["crowd", count] => crowd::run(count.parse()?),
        ["instances"] => instances::run(INSTANCES),
        ["instances", count] => instances::run(count.parse()?),
        ["config-change"] => config_change::run(INSTANCES),
        ["config-change", count] => config_change::run(count.parse()?),
        ["operate"] => operate::run(),
        ["tenants"] => tenants::run(DEPLOYMENTS),
        ["tenants", count] => tenants::run(count.parse()?),
        ["cpu"] => cpu::run(),
        ["storage"] => storage::run(),
        ["languages"] => languages::run(),
        ["input-endpoint"] => input_endpoint::run(REQUESTS),
        ["input-endpoint", requests] => input_endpoint::run(requests.parse()?),
        ["answer", address] => input_endpoint::serve_with_tokio(address),
        ["web"] => web::run(),
        ["web", part] => web::run_one(part).unwrap_or_else(|| bail!("no such part of web: {part}")),
        ["watch"] => watch::run(),
        ["hyper", address] => web::serve_with_hyper(address),
        _ => bail!(
            "usage: wasm-roles-benchmarks network [CASE] | neighbours | connections [COUNT] | crowd [COUNT] | instances [COUNT] | config-change [COUNT] | operate | tenants [COUNT] | cpu | storage | input-endpoint [REQUESTS] | web | watch"
        ),
    }
}
