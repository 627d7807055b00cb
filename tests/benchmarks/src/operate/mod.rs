//! Operating a service under load: what fails meanwhile. Two deployments of one service, each with clients that keep their
//! connection, clients that connect anew for each request, and clients with long streams. The first is recycled, grown and
//! shrunk, changed, stopped in parts and upgraded; then both exchange their public sides a few times.
//!
//! A stream may end only when its instance stops and the stop budget is over: the guest waits for its clients as long as it may.

mod clients;
mod service;

use std::time::{Duration, Instant};

use wasmtime::Result;
use wasmtime::error::{Context, ensure};

use clients::{Clients, Heard};
use service::{BUDGET, Service};

/// How long the clients go on after an operation, before the next one.
const AFTER: Duration = Duration::from_millis(500);
/// Exchanges that are measured together, and the time between two.
const SWAPS: u32 = 20;
const BETWEEN_SWAPS: Duration = Duration::from_millis(50);
/// What a stream may end early by: the time from an order to the event that tells of it.
const TOLERANCE: Duration = Duration::from_millis(50);

/// Prints one line for each operation.
pub fn run() -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let mut first = Service::start("first").await?;
        let mut second = Service::start("second").await?;
        let clients = [Clients::of(first.web(), first.echo()), Clients::of(second.web(), second.echo())];
        println!("| operation | took | requests meanwhile and shortly after | failed | streams that ended | before their time |");
        println!("|---|---|---|---|---|---|");
        let mut failed = 0;
        let mut line = |operation: &str, taken: Duration, heard: Heard, early: usize| {
            let Heard { answers, failures, ended } = heard;
            for failure in failures.iter().take(10) {
                eprintln!("{operation}: {failure}");
            }
            let (lost, ended) = (failures.len(), ended.len());
            println!("| {operation} | {:.1} ms | {answers} | {lost} | {ended} | {early} |", taken.as_secs_f64() * 1e3);
            failed += lost + early;
        };
        for operation in service::OPERATIONS {
            let begun = Instant::now();
            first.operate(*operation).await.with_context(|| format!("{operation:?}"))?;
            let taken = begun.elapsed();
            tokio::time::sleep(AFTER).await;
            let heard = clients.iter().map(Clients::take).fold(Heard::default(), Heard::and);
            let early = first.ended_early(&heard.ended, TOLERANCE);
            line(operation.name(), taken, heard, early);
        }
        let mut taken = Duration::ZERO;
        for _ in 0..SWAPS {
            let begun = Instant::now();
            wasm_roles_fabric::swap(&mut first.deployment, &mut second.deployment)?;
            taken += begun.elapsed();
            tokio::time::sleep(BETWEEN_SWAPS).await;
        }
        tokio::time::sleep(AFTER).await;
        let heard = clients.iter().map(Clients::take).fold(Heard::default(), Heard::and);
        let early = heard.ended.len();
        line(&format!("swap, {SWAPS} times"), taken, heard, early);
        for clients in clients {
            clients.stop();
        }
        println!();
        println!("The stop budget is {} ms.", BUDGET.as_millis());
        first.deployment.stop().await;
        second.deployment.stop().await;
        ensure!(failed == 0, "{failed} requests or streams were lost");
        Ok(())
    })
}
