//! What the instances of a deployment use: processor time, memory, and what passes through their endpoints.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasm_roles_role_runtime::ProcessorTime;
use wasm_roles_service_plan::InstanceId;
use wasm_roles_virtual_network::{EndpointCounters, MemoryBudget, Network};

use crate::deployment::Deployment;
use crate::status_board::{InstanceStatus, Statuses};

/// What the instances of a deployment use. A clone shows the same, also while the deployment changes.
#[derive(Clone)]
pub struct Usages {
    meters: Meters,
    network: Network,
    statuses: Statuses,
}

/// What one instance uses. Sums are those since it was created, over all its incarnations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceUsage {
    /// The instance, and how it stands.
    pub status: InstanceStatus,
    /// Processor time, to about a millisecond for each time that it ran: its own, that of its start-up tasks and of its web server.
    pub processor_time: Duration,
    /// Bytes that it holds now: linear memory and what the network has buffered for it.
    pub memory_bytes: u64,
    /// Bytes that it may hold; none as long as it was never started.
    pub memory_limit_bytes: Option<u64>,
    /// Connections that its endpoints have taken, from instances and from outside.
    pub connections: u64,
    /// Bytes that came in through its endpoints.
    pub bytes_in: u64,
    /// Bytes that went out through its endpoints.
    pub bytes_out: u64,
}

impl Usages {
    /// All instances in the order of the plan.
    #[must_use]
    pub fn now(&self) -> Vec<InstanceUsage> {
        let mut passed: BTreeMap<Arc<str>, EndpointCounters> = BTreeMap::new();
        for (key, counters) in self.network.endpoint_counters() {
            let sum = passed.entry(key.instance).or_default();
            sum.connections = sum.connections.saturating_add(counters.connections);
            sum.bytes_in = sum.bytes_in.saturating_add(counters.bytes_in);
            sum.bytes_out = sum.bytes_out.saturating_add(counters.bytes_out);
        }
        let usage = |status: InstanceStatus| {
            let passed = passed.get(status.instance.as_str()).copied().unwrap_or_default();
            let (processor_time, memory) = self.meters.read(&status.instance);
            InstanceUsage {
                processor_time,
                memory_bytes: memory.as_deref().map_or(0, MemoryBudget::used),
                memory_limit_bytes: memory.as_deref().map(MemoryBudget::limit),
                connections: passed.connections,
                bytes_in: passed.bytes_in,
                bytes_out: passed.bytes_out,
                status,
            }
        };
        self.statuses.now().into_iter().map(usage).collect()
    }
}

impl Deployment {
    /// What its instances use, now and from now on.
    #[must_use]
    pub fn usages(&self) -> Usages {
        Usages {
            meters: self.starter.common.meters.clone(),
            network: self.network().clone(),
            statuses: self.statuses(),
        }
    }
}

/// What is read of each instance. A clone is another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct Meters(Arc<Mutex<BTreeMap<InstanceId, Meter>>>);

#[derive(Default)]
struct Meter {
    /// Of the incarnations before this one.
    before: Duration,
    time: ProcessorTime,
    memory: Option<Arc<MemoryBudget>>,
}

impl Meters {
    /// An instance of this name is new.
    pub(crate) fn created(&self, instance: &InstanceId) {
        self.meters().insert(instance.clone(), Meter::default());
    }

    /// Forgets all others.
    pub(crate) fn keep(&self, is_kept: impl Fn(&InstanceId) -> bool) {
        self.meters().retain(|instance, _| is_kept(instance));
    }

    /// An incarnation begins.
    pub(crate) fn begins(&self, instance: &InstanceId, time: ProcessorTime, memory: Arc<MemoryBudget>) {
        let mut meters = self.meters();
        let meter = meters.entry(instance.clone()).or_default();
        meter.before = meter.before.saturating_add(meter.time.used());
        (meter.time, meter.memory) = (time, Some(memory));
    }

    fn read(&self, instance: &InstanceId) -> (Duration, Option<Arc<MemoryBudget>>) {
        let meters = self.meters();
        let Some(meter) = meters.get(instance) else { return (Duration::ZERO, None) };
        (meter.before.saturating_add(meter.time.used()), meter.memory.clone())
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Meter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
