//! How long a change of the configuration takes: instances of one role get another value of a setting, one of five upgrade
//! domains after the other, and each answers `changing` and `changed`. Everything is in it: finding out who is concerned, the
//! orders, the calls into the guests, their lines of output on their way to a reader. For comparison an upgrade of the same
//! instances, each of which stops and starts again.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::change::Reaction;
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, Events, Publication,
    Runtime, RuntimeOptions, Seed, Upgrade, UpgradeOutcome,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{plan, plan_after};
use wasmtime::Result;
use wasmtime::error::{Context, ensure};

use crate::guests::guest;
use crate::statistics::{median, range};

/// Upgrade domains of the service.
const DOMAINS: u32 = 5;
/// Changes that are measured; the table has their median.
const ROUNDS: u32 = 7;

/// Starts `count` instances, changes their setting a few times and prints what that took.
pub fn run(count: u32) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let folder = tempfile::tempdir()?;
        std::fs::copy(guest("role-events")?, folder.path().join("Worker.wasm"))?;
        let (mut deployment, heard) = start(folder.path(), count).await?;
        // The first change pays for what all share.
        change(&mut deployment, count, 0).await?;
        let mut rounds = Vec::new();
        for depth in 1..=ROUNDS {
            rounds.push(change(&mut deployment, count, depth).await?.as_secs_f64() * 1e3);
        }
        let (fastest, slowest) = range(&rounds);
        let upgraded = upgrade(&mut deployment, folder.path(), count).await?;
        println!("| {count} instances in {DOMAINS} upgrade domains | median | range of the rounds | bar |");
        println!("|---|---|---|---|");
        println!(
            "| are told of a setting, until all have answered | {:.0} ms | {fastest:.0} – {slowest:.0} ms | 200 ms |",
            median(&rounds)
        );
        println!("| are upgraded, until all are Ready again | {:.0} ms | one round | |", upgraded.as_secs_f64() * 1e3);
        deployment.stop().await;
        heard.await?;
        Ok(())
    })
}

/// `count` Ready instances, and somebody who reads what they say.
async fn start(folder: &std::path::Path, count: u32) -> Result<(Deployment, JoinHandle<()>)> {
    let options = DeploymentOptions {
        approots: Approots::beside(folder),
        publication: Publication::default(),
        certificates: CertificateOptions::default(),
        web: wasm_roles_fabric::WebOptions::default(),
        at_rest: std::collections::BTreeSet::new(),
        stop_budget: DEFAULT_STOP_BUDGET,
        data_folder: folder.join("data"),
        emulated: true,
        clock: Clock::new(SystemTime::now()),
        seed: Seed::new([1; 32]),
    };
    let plan = Arc::new(plan(&model(count, u32::MAX)?)?);
    let runtime = Runtime::new(&RuntimeOptions::default())?;
    let (deployment, events) = Deployment::start(&runtime, plan, options).await?;
    let heard = tokio::spawn(hear(events));
    deployment.statuses().all_ready().await;
    Ok((deployment, heard))
}

async fn hear(mut events: Events) {
    while events.next().await.is_some() {}
}

/// Changes the setting to `depth` and says how long it took until all had answered.
async fn change(deployment: &mut Deployment, count: u32, depth: u32) -> Result<Duration> {
    let plan = Arc::new(plan_after(deployment.plan(), &model(count, depth)?)?);
    let begin = Instant::now();
    let summary = deployment.change(plan).await?;
    let taken = begin.elapsed();
    let fine = |(_, reaction): &&(_, Reaction)| *reaction == Reaction::Changed { missed: None };
    let answered = summary.instances.iter().filter(fine).count();
    ensure!(answered == usize::try_from(count)?, "{answered} of {count} instances have answered");
    Ok(taken)
}

/// Upgrades to the same component and says how long it took until all were Ready again.
async fn upgrade(deployment: &mut Deployment, folder: &std::path::Path, count: u32) -> Result<Duration> {
    let plan = Arc::new(plan_after(deployment.plan(), &model(count, 0)?)?);
    let begin = Instant::now();
    let summary = deployment.upgrade(Upgrade::new(plan, Approots::beside(folder))).await?;
    let taken = begin.elapsed();
    ensure!(summary.outcome == UpgradeOutcome::Done, "{summary:?}");
    Ok(taken)
}

/// A role that everybody sees, as most real ones.
fn model(count: u32, depth: u32) -> Result<ServiceModel> {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        r#"<ServiceDefinition name="Bench" upgradeDomainCount="{DOMAINS}" xmlns="{SCHEMA}/ServiceDefinition"><WorkerRole name="Worker">
            <ConfigurationSettings><Setting name="depth" /><Setting name="mode" /></ConfigurationSettings>
            <Endpoints><InternalEndpoint name="Rpc" protocol="tcp" /></Endpoints>
        </WorkerRole></ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Bench" xmlns="{SCHEMA}/ServiceConfiguration"><Role name="Worker">
            <Instances count="{count}" /><ConfigurationSettings>
                <Setting name="depth" value="{depth}" /><Setting name="mode" value="" />
            </ConfigurationSettings>
        </Role></ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("b.csdef", definition), source("b.cscfg", configuration));
    load(&definition, Some(&configuration), &Options::default()).model.context("the service is not valid")
}
