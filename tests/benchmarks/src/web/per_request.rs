//! A 0.2 handler with one instance for all requests, and with a fresh one for each.

use wasmtime::Result;

use super::servers::{self, Service};
use super::{ROUNDS, wrk};
use crate::statistics::median;

pub fn run() -> Result<()> {
    let hyper = servers::hyper()?;
    let with = |mode: &str| {
        let arguments = ["--web-instances", mode];
        Service::new("hello-http-p2").with_arguments(&arguments).start(2).map(|role| role.called(mode))
    };
    let modes = [with("shared")?, with("per-request")?];
    let mut measured: [(Vec<f64>, Vec<f64>); 2] = Default::default();
    for _ in 0..ROUNDS {
        let bare = wrk::load(&hyper, "/", wrk::Load::default())?;
        for (server, (rates, costs)) in modes.iter().zip(&mut measured) {
            let load = wrk::load(server, "/", wrk::Load::default())?;
            rates.push(load.rate / bare.rate);
            costs.push(load.cost / bare.cost);
        }
    }
    println!(
        "| 0.2 handler, two instances, relative to bare hyper | requests a second | processor time for each request |"
    );
    println!("|---|---|---|");
    for (server, (rates, costs)) in modes.iter().zip(&measured) {
        println!("| {} | {:.2} | {:.1}x |", server.name, median(rates), median(costs));
    }
    Ok(())
}
