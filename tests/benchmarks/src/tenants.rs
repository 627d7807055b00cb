//! Many deployments in one host: each of its own, with a public port, a network, a data folder and three instances of a web
//! role, on one engine. What they take until all are Ready, and what they hold when they are idle.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    CertificateOptions, Clock, Deployment, DeploymentOptions, Events, Publication, Runtime, RuntimeOptions,
    Seed, WebOptions,
};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Plan, plan};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::guests::guest;
use crate::process::private_memory;

/// Instances of each deployment.
const INSTANCES: u32 = 3;
/// Deployments that are started before anything is measured: they pay for what all share.
const WARM: u32 = 16;
/// Deployments that are started at the same time.
const AT_ONCE: u32 = 16;

/// Starts `count` deployments and prints what that took.
pub fn run(count: u32) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let folder = tempfile::tempdir()?;
        std::fs::copy(guest("hello-http-p3")?, folder.path().join("Web.wasm"))?;
        let runtime = Runtime::new(&RuntimeOptions::default())?;
        let mut all = start(&runtime, folder.path(), 0..WARM).await?;
        let before = private_memory()?;
        let begun = Instant::now();
        let started = start(&runtime, folder.path(), WARM..WARM + count).await?;
        let taken = begun.elapsed();
        let instances = f64::from(count * INSTANCES);
        let each = private_memory()?.saturating_sub(before) / u64::from(count.max(1));
        println!("| {count} deployments of {INSTANCES} instances each | measured |");
        println!("|---|---|");
        println!("| until all are Ready | {:.1} s |", taken.as_secs_f64());
        println!("| instances a second | {:.0} |", instances / taken.as_secs_f64());
        println!("| private memory of an idle deployment | {} KiB |", each / 1024);
        println!("| of all of them | {} MiB |", (each * u64::from(count)) >> 20);
        all.extend(started);
        let begun = Instant::now();
        let stopping: Vec<_> = all.into_iter().map(|deployment| tokio::spawn(deployment.stop())).collect();
        for stopped in stopping {
            stopped.await?;
        }
        println!("| until all have stopped | {:.1} s |", begun.elapsed().as_secs_f64());
        Ok(())
    })
}

/// Starts deployments, a few at the same time, and waits until all are Ready.
async fn start(runtime: &Runtime, folder: &Path, numbers: std::ops::Range<u32>) -> Result<Vec<Deployment>> {
    let plan = Arc::new(service()?);
    let mut deployments = Vec::new();
    for first in numbers.clone().step_by(usize::try_from(AT_ONCE)?) {
        let some = first..numbers.end.min(first + AT_ONCE);
        let starting: Vec<_> = some
            .map(|number| {
                let options = options(&plan, folder, number);
                let (runtime, plan) = (runtime.clone(), Arc::clone(&plan));
                tokio::spawn(async move { Deployment::start(&runtime, plan, options).await })
            })
            .collect();
        for started in starting {
            let (deployment, events) = started.await??;
            tokio::spawn(hear(events));
            deployments.push(deployment);
        }
    }
    for deployment in &deployments {
        deployment.statuses().all_ready().await;
    }
    Ok(deployments)
}

async fn hear(mut events: Events) {
    while events.next().await.is_some() {}
}

fn options(plan: &Plan, folder: &Path, number: u32) -> DeploymentOptions {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let at = plan.public.iter().map(|public| (public.port, anywhere)).collect();
    DeploymentOptions {
        approots: Approots::beside(folder),
        publication: Publication { at, ..Publication::default() },
        certificates: CertificateOptions::default(),
        web: WebOptions::default(),
        at_rest: BTreeSet::new(),
        stop_budget: Duration::from_secs(30),
        data_folder: folder.join("data").join(number.to_string()),
        emulated: true,
        clock: Clock::new(SystemTime::now()),
        seed: Seed::new([1; 32]).derive(&number.to_string()),
    }
}

fn service() -> Result<Plan> {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        r#"<ServiceDefinition name="Bench" xmlns="{SCHEMA}/ServiceDefinition"><WebRole name="Web"><Endpoints>
            <InputEndpoint name="Http" protocol="http" port="80" localPort="8080" />
        </Endpoints></WebRole></ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Bench" xmlns="{SCHEMA}/ServiceConfiguration"><Role name="Web">
            <Instances count="{INSTANCES}" /></Role></ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("b.csdef", definition), source("b.cscfg", configuration));
    let model = load(&definition, Some(&configuration), &Options::default()).model;
    Ok(plan(&model.context("the service is not valid")?)?)
}
