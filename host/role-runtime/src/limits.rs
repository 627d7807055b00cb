//! What one instance may use of the machine.

use wasmtime::ResourceLimiter;

/// The caps of one instance. A guest that asks for more gets no for an answer and goes on; most then trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory_bytes: u64,
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
            table_elements: 1 << 20,
            core_instances: 64,
            resources: 32 << 10,
            call_bytes: 64 << 20,
        }
    }
}

/// Holds an instance to its [`Limits`] and remembers that it hit one.
pub(crate) struct Limiter {
    limits: Limits,
    memory: u64,
    tables: usize,
    memory_hit: bool,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, tables: 0, memory_hit: false }
    }

    /// A sentence about the limit that the instance hit, if it did.
    pub(crate) fn hit(&self) -> Option<String> {
        let mebibytes = self.limits.memory_bytes >> 20;
        self.memory_hit.then(|| format!("its memory limit of {mebibytes} MiB was reached"))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let total = self.memory.saturating_add(growth);
        let granted = total <= self.limits.memory_bytes;
        if granted {
            self.memory = total;
        } else {
            self.memory_hit = true;
        }
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        let granted = total <= self.limits.table_elements;
        if granted {
            self.tables = total;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_cap_counts_all_memories_together() {
        let mut limiter = Limiter::new(Limits { memory_bytes: 100, ..Limits::default() });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.hit().is_none());
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert!(limiter.hit().is_some());
    }

    #[test]
    fn an_absurd_request_is_refused_without_overflow() {
        let mut limiter = Limiter::new(Limits::default());
        assert!(!limiter.memory_growing(0, usize::MAX, None).unwrap());
        assert!(!limiter.table_growing(0, usize::MAX, None).unwrap());
    }
}
