//! What one instance may use of the machine, and what it was refused.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use wasm_roles_virtual_network::MemoryBudget;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTableError;

use crate::output::OutputPipe;

/// The caps of one instance. A guest that asks for more gets no for an answer and goes on; most then trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory_bytes: u64,
    /// Share of the worker threads in relation to other instances that compute at the same time.
    pub cpu_weight: NonZeroU32,
    /// Elements of all tables of the component together.
    pub table_elements: usize,
    /// Core instances, memories and tables, each.
    pub core_instances: usize,
    /// Resources (sockets, streams, files, requests …) that the instance holds at one time.
    pub resources: usize,
    /// Bytes that one call may make the host copy out of the guest.
    pub call_bytes: usize,
}

impl Default for Limits {
    /// 256 MiB of memory, and counts that no ordinary program comes near.
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            cpu_weight: const { NonZeroU32::new(100).unwrap() },
            table_elements: 1 << 20,
            core_instances: 64,
            resources: 32 << 10,
            call_bytes: 64 << 20,
        }
    }
}

/// A limit at which a guest was refused something. `Display` gives the end of a sentence, such as "its memory limit
/// (1.75 GiB)".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReachedLimit {
    /// [`Limits::memory_bytes`].
    Memory {
        /// The limit.
        bytes: u64,
    },
    /// [`Limits::table_elements`].
    Tables {
        /// The limit.
        elements: usize,
    },
    /// [`Limits::resources`].
    Resources {
        /// The limit.
        count: usize,
    },
}

impl ReachedLimit {
    /// What it is a limit of, as the command line calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::Tables { .. } => "tables",
            Self::Resources { .. } => "resources",
        }
    }

    /// The limit: bytes of memory, elements of tables, or resources.
    #[must_use]
    pub fn value(self) -> u64 {
        match self {
            Self::Memory { bytes } => bytes,
            Self::Tables { elements: count } | Self::Resources { count } => {
                u64::try_from(count).unwrap_or(u64::MAX)
            }
        }
    }
}

impl fmt::Display for ReachedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { bytes } => write!(f, "its memory limit ({})", Bytes(*bytes)),
            Self::Tables { elements } => write!(f, "its limit of {elements} table elements"),
            Self::Resources { count } => write!(f, "its limit of {count} resources"),
        }
    }
}

/// Bytes in the largest binary unit, with at most two decimals, rounded down.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| self.0 >> shift > 0) else {
            return write!(f, "{} bytes", self.0);
        };
        let hundredths = u128::from(self.0).saturating_mul(100) >> shift;
        let decimals = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        write!(f, "{} {unit}", decimals.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Holds an instance to its [`Limits`] and says which it has reached.
pub(crate) struct Limiter {
    limits: Limits,
    memory: u64,
    /// The last growth of a memory that was granted: wasmtime may still fail to make it.
    last_growth: u64,
    /// What the instance's programs and the network have together; `memory` is taken from it.
    budget: Arc<MemoryBudget>,
    tables: usize,
    reached: Vec<ReachedLimit>,
    /// Where it is said, among what the guest says.
    notes: OutputPipe,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, notes: OutputPipe) -> Self {
        Self {
            limits,
            memory: 0,
            last_growth: 0,
            budget: Arc::default(),
            tables: 0,
            reached: Vec::new(),
            notes,
        }
    }

    /// Takes its memory from what the whole instance may have.
    pub(crate) fn within(mut self, budget: Arc<MemoryBudget>) -> Self {
        self.budget = budget;
        self
    }

    fn reach(&mut self, limit: ReachedLimit) {
        // There are only a few, each with one value.
        if !self.reached.contains(&limit) {
            self.reached.push(limit);
            self.notes.note(limit);
        }
    }

    /// There is no place for one more handle.
    pub(crate) fn handles_used_up(&mut self) {
        self.reach(ReachedLimit::Resources { count: self.limits.resources });
    }

    /// What the end of an instance says of limits: nothing, or a clause with what comes before it.
    ///
    /// `error` ended the instance, perhaps because its table of handles was full; `refused_sockets` is what the network knows.
    pub(crate) fn because(&mut self, error: &wasmtime::Error, refused_sockets: Option<usize>) -> String {
        let full = |cause: &(dyn std::error::Error + 'static)| {
            matches!(cause.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full))
        };
        if error.chain().any(full) {
            self.handles_used_up();
        }
        let sockets = refused_sockets.map(|count| format!("its limit of {count} sockets"));
        let reached: Vec<String> = self.reached.iter().map(ToString::to_string).chain(sockets).collect();
        if reached.is_empty() { String::new() } else { format!("; it had hit {}", reached.join(" and ")) }
    }
}

/// A guest may ask for more than its own memory or table is declared to have. wasmtime refuses that, but asks here first. It
/// is refused here too: nothing is booked, and no limit of the host was hit.
fn exceeds(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.last_growth = 0;
        if exceeds(desired, maximum) {
            return Ok(false);
        }
        let growth = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let total = self.memory.saturating_add(growth);
        let granted = total <= self.limits.memory_bytes && self.budget.try_take(growth);
        if granted {
            self.memory = total;
            self.last_growth = growth;
        } else {
            self.reach(ReachedLimit::Memory { bytes: self.limits.memory_bytes });
        }
        Ok(granted)
    }

    /// The system did not give what was granted: it is taken off the books.
    ///
    /// wasmtime also calls this without having asked, for memories with pages of one byte, and then a growth that did
    /// succeed would be taken off. The engine has no such memories (`engine::config`).
    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        let growth = std::mem::take(&mut self.last_growth);
        self.memory = self.memory.saturating_sub(growth);
        self.budget.give_back(growth);
        Ok(())
    }

    // There is no `table_grow_failed`. wasmtime calls it for a growth beyond the maximum, which is refused here, and for a sum
    // that overflows, for which it has not asked; where the system has no room for a granted growth, the guest ends.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if exceeds(desired, maximum) {
            return Ok(false);
        }
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        let granted = total <= self.limits.table_elements;
        if granted {
            self.tables = total;
        } else {
            self.reach(ReachedLimit::Tables { elements: self.limits.table_elements });
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.limits.core_instances
    }

    fn tables(&self) -> usize {
        self.limits.core_instances
    }

    fn memories(&self) -> usize {
        self.limits.core_instances
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.budget.give_back(self.memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limits: Limits) -> Limiter {
        Limiter::new(limits, OutputPipe::new(1_000).0)
    }

    #[test]
    fn the_memory_cap_counts_all_memories_together() {
        let mut limiter = limiter(Limits { memory_bytes: 100, ..Limits::default() });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.reached, []);
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert_eq!(limiter.reached, [ReachedLimit::Memory { bytes: 100 }]);
    }

    #[test]
    fn programs_of_one_instance_share_its_memory_and_give_back_what_they_had() {
        let budget = Arc::new(MemoryBudget::new(100));
        let limits = Limits { memory_bytes: 100, ..Limits::default() };
        let mut role = limiter(limits).within(Arc::clone(&budget));
        let mut task = limiter(limits).within(Arc::clone(&budget));
        assert!(task.memory_growing(0, 70, None).unwrap());
        assert!(!role.memory_growing(0, 31, None).unwrap());
        assert_eq!(role.reached, [ReachedLimit::Memory { bytes: 100 }]);
        assert!(role.memory_growing(0, 30, None).unwrap());
        drop(task);
        assert!(role.memory_growing(30, 100, None).unwrap());
        drop(role);
        assert_eq!(budget.used(), 0);
    }

    /// A store as instances have it, with 4 MiB of memory and 100 table elements.
    fn store(config: &wasmtime::Config) -> (wasmtime::Store<Limiter>, Arc<MemoryBudget>) {
        let budget = Arc::new(MemoryBudget::new(4 << 20));
        let limits = Limits { memory_bytes: 4 << 20, table_elements: 100, ..Limits::default() };
        let limiter = limiter(limits).within(Arc::clone(&budget));
        let engine = wasmtime::Engine::new(config).unwrap();
        let mut store = wasmtime::Store::new(&engine, limiter);
        store.limiter(|limiter| limiter);
        (store, budget)
    }

    #[test]
    fn what_a_memory_is_not_declared_to_have_is_neither_booked_nor_a_limit() {
        let (mut store, budget) = store(&wasmtime::Config::new());
        let memory = wasmtime::Memory::new(&mut store, wasmtime::MemoryType::new(1, Some(2))).unwrap();
        for pages in [20, 20, 20, 20, 1000] {
            assert!(memory.grow(&mut store, pages).is_err());
        }
        assert_eq!((store.data().memory, budget.used()), (64 << 10, 64 << 10));
        assert!(memory.grow(&mut store, 1).is_ok());
        assert_eq!((store.data().memory, budget.used()), (128 << 10, 128 << 10));
        assert_eq!(store.data().reached, []);
    }

    #[test]
    fn a_growth_that_fails_after_it_was_granted_is_taken_off_the_books() {
        // Two pages of room that cannot be moved to more.
        let mut config = wasmtime::Config::new();
        config.memory_may_move(false).memory_reservation(128 << 10).memory_reservation_for_growth(0);
        let (mut store, budget) = store(&config);
        let memory = wasmtime::Memory::new(&mut store, wasmtime::MemoryType::new(1, None)).unwrap();
        memory.grow(&mut store, 1).unwrap();
        for _ in 0..4 {
            assert!(memory.grow(&mut store, 20).is_err());
        }
        assert_eq!((store.data().memory, budget.used()), (128 << 10, 128 << 10));
        assert_eq!(store.data().reached, []);
        drop(store);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_failure_takes_off_one_growth_once_and_none_that_was_refused() {
        let mut limiter = limiter(Limits { memory_bytes: 100, ..Limits::default() });
        let failed = |limiter: &mut Limiter| limiter.memory_grow_failed(wasmtime::Error::msg("no room"));
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.memory_growing(40, 70, None).unwrap());
        failed(&mut limiter).unwrap();
        assert_eq!(limiter.memory, 40);
        failed(&mut limiter).unwrap();
        assert_eq!(limiter.memory, 40);
        assert!(limiter.memory_growing(40, 50, None).unwrap());
        assert!(!limiter.memory_growing(50, 60, Some(55)).unwrap());
        failed(&mut limiter).unwrap();
        assert_eq!(limiter.memory, 50);
    }

    #[test]
    fn what_a_table_is_not_declared_to_have_is_neither_booked_nor_a_limit() {
        use wasmtime::{Ref, RefType, Table, TableType};
        let (mut store, _) = store(&wasmtime::Config::new());
        let small = TableType::new(RefType::FUNCREF, 10, Some(20));
        let small = Table::new(&mut store, small, Ref::Func(None)).unwrap();
        let large = TableType::new64(RefType::FUNCREF, 10, None);
        let large = Table::new(&mut store, large, Ref::Func(None)).unwrap();
        for _ in 0..4 {
            assert!(small.grow(&mut store, 70, Ref::Func(None)).is_err());
            // wasmtime says that this failed, without having asked.
            assert!(large.grow(&mut store, u64::MAX, Ref::Func(None)).is_err());
        }
        assert_eq!(store.data().tables, 20);
        assert_eq!(store.data().reached, []);
        assert!(large.grow(&mut store, 80, Ref::Func(None)).is_ok());
        assert!(small.grow(&mut store, 1, Ref::Func(None)).is_err());
        assert_eq!(store.data().reached, [ReachedLimit::Tables { elements: 100 }]);
    }

    #[test]
    fn the_end_names_every_limit_once() {
        let mut limiter = limiter(Limits { memory_bytes: 1_792 << 20, ..Limits::default() });
        let unreachable = wasmtime::Error::msg("unreachable");
        assert_eq!(limiter.because(&unreachable, None), "");
        for _ in 0..3 {
            assert!(!limiter.memory_growing(0, 2 << 30, None).unwrap());
            assert!(!limiter.table_growing(0, 2 << 30, None).unwrap());
        }
        let because = "; it had hit its memory limit (1.75 GiB) and its limit of 1048576 table elements";
        assert_eq!(limiter.because(&unreachable, None), because);
        let all = limiter.because(&unreachable, Some(7));
        assert_eq!(all, format!("{because} and its limit of 7 sockets"));
    }

    #[test]
    fn a_full_table_of_handles_is_known_from_the_error_that_it_ends_in() {
        let mut limiter = limiter(Limits { resources: 100, ..Limits::default() });
        let full = wasmtime::Error::from(ResourceTableError::Full).context("in a call of the host");
        assert_eq!(limiter.because(&full, None), "; it had hit its limit of 100 resources");
    }

    #[test]
    fn an_absurd_request_is_refused_without_overflow() {
        let mut limiter = limiter(Limits::default());
        assert!(!limiter.memory_growing(0, usize::MAX, None).unwrap());
        assert!(!limiter.table_growing(0, usize::MAX, None).unwrap());
    }
}
