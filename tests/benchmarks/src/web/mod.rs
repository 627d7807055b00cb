//! Web roles: what a request costs, what two million leave behind, files, many connections, and a recycle.
//!
//! Everything is loaded by wrk on loopback, rounds of all servers in turn, so that what the machine does meanwhile
//! meets all of them.

mod files;
mod many;
mod per_request;
mod recycle;
mod servers;
mod wrk;

use wasmtime::Result;

use crate::statistics::median;
pub use servers::serve_with_hyper;
use servers::{Running, Service};

const ROUNDS: usize = 4;

/// All of them.
pub fn run() -> Result<()> {
    wrk::ensure_there()?;
    hello()?;
    per_request::run()?;
    many::run(many::REQUESTS)?;
    files::run()?;
    latency()?;
    recycle::run()
}

/// One of them, by its name.
pub fn run_one(name: &str) -> Option<Result<()>> {
    Some(match name {
        "hello" => hello(),
        "per-request" => per_request::run(),
        "many" => many::run(many::REQUESTS),
        "files" => files::run(),
        "latency" => latency(),
        "recycle" => recycle::run(),
        _ => return None,
    })
}

/// Requests a second and processor time, all relative to bare hyper.
fn hello() -> Result<()> {
    let hyper = servers::hyper()?;
    let mut others: Vec<Running> = vec![
        Service::new("hello-http-p3").start(2)?.called("web role, two instances, SDK"),
        Service::new("hello-http-stock").start(2)?.called("web role, two instances, stock component"),
        Service::new("hello-http-p3").start(1)?.called("web role, one instance, SDK"),
    ];
    match servers::wasmtime_serve("hello-http-stock")? {
        Some(serve) => others.push(serve.called("`wasmtime serve`, the stock component")),
        None => println!("(`wasmtime` is not there: set WASMTIME to compare with `wasmtime serve`)"),
    }
    let mut measured: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); others.len()];
    for _ in 0..ROUNDS {
        let bare = wrk::load(&hyper, "/", wrk::Load::default())?;
        for (server, (rates, costs)) in others.iter().zip(&mut measured) {
            let load = wrk::load(server, "/", wrk::Load::default())?;
            rates.push(load.rate / bare.rate);
            costs.push(load.cost / bare.cost);
        }
    }
    println!("| hello world, relative to bare hyper | requests a second | processor time for each request |");
    println!("|---|---|---|");
    for (server, (rates, costs)) in others.iter().zip(&measured) {
        println!("| {} | {:.2} | {:.1}x |", server.name, median(rates), median(costs));
    }
    Ok(())
}

/// Answers at a thousand connections.
fn latency() -> Result<()> {
    let load = wrk::Load { connections: 1_000, seconds: 5 };
    let all = [servers::hyper()?, Service::new("hello-http-p3").start(2)?.called("web role, two instances")];
    println!("| 1,000 connections | requests a second | median | 99 % |");
    println!("|---|---|---|---|");
    for server in all {
        let seen = wrk::load(&server, "/", load)?;
        println!("| {} | {:.0} | {} | {} |", server.name, seen.rate, seen.median, seen.most);
    }
    Ok(())
}
