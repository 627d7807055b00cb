//! The memory of an instance's connections.

use std::sync::Arc;

use wasm_roles_virtual_network::MemoryBudget;

/// What a connection has of the instance's memory. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Room {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl Room {
    /// So much room, if there is so much.
    pub(super) fn take(budget: &Arc<MemoryBudget>, bytes: u64) -> Option<Self> {
        budget.try_take(bytes).then(|| Self { budget: Arc::clone(budget), bytes })
    }

    /// More room, beside what it has.
    pub(super) fn more(&self, bytes: u64) -> Option<Self> {
        Self::take(&self.budget, bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}
