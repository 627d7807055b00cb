//! Instances that compute: how late they make one that only wakes up now and then, and whether they share the cores by
//! their weights.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::SystemTime;

use wasm_roles_role_runtime::{
    Clock, OutputPipe, OutputReader, RoleComponent, RunningInstance, Runtime, RuntimeOptions, start,
};
use wasm_roles_virtual_network::{InstanceIndex, Network, Policy};
use wasmtime::Result;
use wasmtime::error::Context;

use crate::guests::guest;
use crate::instances::{Silent, spec};

/// Wake-ups that are measured.
const WAKE_UPS: usize = 2_000;
/// How late a wake-up may be, p99.
const LATENESS_BAR: f64 = 10.0;
/// The weights of the instances that share two threads. The largest is worth four fifths of one: nobody can use more than one.
const WEIGHTS: [u32; 4] = [100, 200, 300, 400];
/// How long they do.
const SHARING_MILLISECONDS: u64 = 5_000;
/// How far a share may be from its weight, in percent.
const SHARE_BAR: f64 = 10.0;
/// As the command line sets up its threads.
const LOOK_OUTSIDE_EVERY: u32 = 2;

/// Measures both and prints a table.
pub fn run() -> Result<()> {
    let cores = available_parallelism()?.get();
    println!("| {cores} cores | measured | bar |");
    println!("|---|---|---|");
    threads(cores)?.block_on(lateness(cores))?;
    threads(cores.min(2))?.block_on(shares())
}

fn threads(count: usize) -> Result<tokio::runtime::Runtime> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .event_interval(LOOK_OUTSIDE_EVERY)
        .global_queue_interval(LOOK_OUTSIDE_EVERY)
        .enable_all()
        .build()?;
    Ok(tokio)
}

async fn lateness(cores: usize) -> Result<()> {
    let component = Runtime::new(&RuntimeOptions::default())?.load(&guest("misbehave")?)?;
    for (beside, spinning) in [("nothing else", 0), ("one spinning instance per core", cores)] {
        let [median, p99, worst] = Bed::of(spinning + 1, &component)?.lateness(spinning).await?;
        println!(
            "| idle instance wakes up late beside {beside}, p50 / p99 / worst | \
             {median:.1} / {p99:.1} / {worst:.1} ms | p99 {LATENESS_BAR:.0} ms |"
        );
    }
    Ok(())
}

async fn shares() -> Result<()> {
    let component = Runtime::new(&RuntimeOptions::default())?.load(&guest("misbehave")?)?;
    let off = Bed::of(WEIGHTS.len(), &component)?.shares().await?;
    let words = off.map(|percent| format!("{percent:+.1} %")).join(", ");
    println!(
        "| shares of weights {WEIGHTS:?} on two threads, off what is fair | {words} | {SHARE_BAR:.0} % |"
    );
    Ok(())
}

/// Instances of one role.
struct Bed<'a> {
    component: &'a RoleComponent,
    network: Network,
    instances: Vec<InstanceIndex>,
}

impl<'a> Bed<'a> {
    fn of(count: usize, component: &'a RoleComponent) -> Result<Self> {
        let mut policy = Policy::builder();
        let role = policy.role("Worker");
        for ordinal in 0..u8::try_from(count)? {
            let address = [10, 0, 0, ordinal.checked_add(4).context("too many")?].into();
            policy.instance(role, &format!("Worker_IN_{ordinal}"), ordinal.into(), address);
        }
        let policy = Arc::new(policy.build()?);
        let instances = policy.instances().collect();
        Ok(Self { component, network: Network::new(policy, Arc::new(Silent)), instances })
    }

    fn start(
        &self,
        ordinal: usize,
        weight: u32,
        words: &[String],
    ) -> Result<(RunningInstance, OutputReader)> {
        let instance = *self.instances.get(ordinal).context("there is such an instance")?;
        let (stdout, said) = OutputPipe::new(64 << 10);
        let mut spec = spec(&format!("Worker_IN_{ordinal}"), Clock::new(SystemTime::now()));
        spec.stdout = stdout;
        spec.arguments = std::iter::once("worker".to_owned()).chain(words.iter().cloned()).collect();
        spec.limits.cpu_weight = NonZeroU32::new(weight).context("a weight is not zero")?;
        Ok((start(self.component, self.network.attach(instance)?, spec), said))
    }

    /// How late the last instance wakes up beside so many that spin: p50, p99 and worst in milliseconds.
    async fn lateness(self, spinning: usize) -> Result<[f64; 3]> {
        let mut running = Vec::new();
        for ordinal in 0..spinning {
            let (instance, mut said) = self.start(ordinal, 100, &["spin".to_owned()])?;
            said.next_line().await.context("it says that it begins")?;
            running.push(instance);
        }
        let words = ["doze".to_owned(), WAKE_UPS.to_string()];
        let (dozing, mut said) = self.start(spinning, 100, &words)?;
        said.next_line().await.context("it says that it begins")?;
        let mut late = Vec::with_capacity(WAKE_UPS);
        while let Some(line) = said.next_line().await {
            let microseconds: f64 = String::from_utf8_lossy(&line.bytes).parse()?;
            late.push(microseconds / 1_000.0);
        }
        running.push(dozing);
        end(running).await;
        late.sort_by(f64::total_cmp);
        let at = |percent: usize| late.get(late.len() * percent / 100).or(late.last()).copied();
        Ok([at(50), at(99), at(100)].map(Option::unwrap_or_default))
    }

    /// How far each share is from what its weight is worth, in percent of that.
    async fn shares(self) -> Result<[f64; WEIGHTS.len()]> {
        let mut running = Vec::new();
        let mut outputs = Vec::new();
        for (ordinal, weight) in WEIGHTS.into_iter().enumerate() {
            let words = ["compute".to_owned(), SHARING_MILLISECONDS.to_string()];
            let (instance, said) = self.start(ordinal, weight, &words)?;
            running.push(instance);
            outputs.push(said);
        }
        let mut done = [0.0; WEIGHTS.len()];
        for (done, mut said) in done.iter_mut().zip(outputs) {
            said.next_line().await.context("it says that it begins")?;
            let line = said.next_line().await.context("it says how much it did")?;
            *done = String::from_utf8_lossy(&line.bytes).parse()?;
        }
        end(running).await;
        let (all, weights): (f64, u32) = (done.iter().sum(), WEIGHTS.iter().sum());
        let mut off = [0.0; WEIGHTS.len()];
        for ((off, done), weight) in off.iter_mut().zip(done).zip(WEIGHTS) {
            *off = (done / all * f64::from(weights) / f64::from(weight) - 1.0) * 100.0;
        }
        Ok(off)
    }
}

async fn end(running: Vec<RunningInstance>) {
    for instance in running {
        instance.kill();
        instance.ended().await;
    }
}
