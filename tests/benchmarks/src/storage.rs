//! Writes of 4 KiB by a guest: to a preopen with a quota against the stock file system of wasmtime-wasi, which serves those
//! without. Rounds alternate, so that a slow moment of the machine hits both.

use std::path::Path;
use std::sync::Arc;

use wasm_roles_role_runtime::{Clock, OutputPipe, Preopen, RoleComponent, Runtime, RuntimeOptions, start};
use wasm_roles_virtual_network::{Network, Policy};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::guests::guest;
use crate::instances::{Silent, spec};
use crate::statistics::{median, range};

/// Rounds of each pair.
const ROUNDS: usize = 31;
/// Writes of each round.
const WRITES: usize = 4_000;
/// The bar for the cost of the books, in percent.
const BAR: f64 = 5.0;

/// Runs both versions of WASI and prints a table.
pub fn run() -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let runtime = Runtime::new(&RuntimeOptions::default())?;
        let folder = std::env::temp_dir().join(format!("wasm-roles-benchmark-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        println!("| 4 KiB writes | cost of the quota | lowest | highest | bar |");
        println!("|---|---|---|---|---|");
        for (name, program) in [("WASI 0.2", "storage-p2"), ("WASI 0.3", "storage-p3")] {
            let bench = Bench { component: runtime.load(&guest(program)?)?, folder: &folder };
            let costs = bench.costs().await?;
            let (low, high) = range(&costs);
            println!("| {name} | {:+.1} % | {low:+.1} % | {high:+.1} % | {BAR:.0} % |", median(&costs));
        }
        std::fs::remove_dir_all(&folder)?;
        Ok(())
    })
}

struct Bench<'a> {
    component: RoleComponent,
    folder: &'a Path,
}

impl Bench<'_> {
    /// What the quota costs, in percent of the stock time, by round.
    async fn costs(&self) -> Result<Vec<f64>> {
        self.round(None).await?;
        let mut costs = Vec::new();
        for round in 0..ROUNDS {
            // Neither is always the first.
            let (stock, booked) = if round % 2 == 0 {
                let stock = self.round(None).await?;
                (stock, self.round(Some(1 << 40)).await?)
            } else {
                let booked = self.round(Some(1 << 40)).await?;
                (self.round(None).await?, booked)
            };
            costs.push((booked / stock - 1.0) * 100.0);
        }
        Ok(costs)
    }

    /// Nanoseconds of one round, as the guest measures them.
    async fn round(&self, quota_bytes: Option<u64>) -> Result<f64> {
        let mut policy = Policy::builder();
        let role = policy.role("Worker");
        policy.instance(role, "Worker_IN_0", 0, std::net::Ipv4Addr::new(10, 0, 0, 4));
        let policy = Arc::new(policy.build()?);
        let instance = policy.instances().next().context("there is an instance")?;
        let network = Network::new(Arc::clone(&policy), Arc::new(Silent));
        let (stdout, mut said) = OutputPipe::new(1024);
        let mut spec = spec("Worker_IN_0", Clock::new(std::time::SystemTime::now()));
        spec.stdout = stdout;
        spec.arguments = ["worker", "pace", "/store/file", &WRITES.to_string()].map(str::to_owned).into();
        spec.preopens = vec![Preopen {
            guest_path: "/store".to_owned(),
            directory: self.folder.to_owned(),
            writable: true,
            quota_bytes,
        }];
        let running = start(&self.component, network.attach(instance)?, spec);
        let line = said.next_line().await.context("the guest says how long it took")?;
        running.ended().await;
        Ok(String::from_utf8_lossy(&line.bytes).trim().parse()?)
    }
}
