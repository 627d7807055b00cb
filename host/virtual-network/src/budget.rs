//! One budget of memory for everything that holds bytes for an instance.
//!
//! A stream gives its word with its [write budget](crate::TcpStream::write_budget), so what is written then is taken
//! even if it goes over the limit. The network leaves the last eighth of a budget to the guest: buffers make a sender
//! wait, they do not make a program run out of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that one instance may have, and those that it has: in its linear memory, in its start-up tasks, in what the network
/// has buffered for it.
///
/// It is shared by reference count, and only counts: who takes bytes gives as many back when it is done with them. Who
/// can be told no asks with [`try_take`](Self::try_take); who gave its word before takes with [`take`](Self::take) and holds
/// back from then on. The network holds back when less than an eighth is left, which is for the guest.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self { limit: bytes, used: AtomicU64::new(0) }
    }

    /// A budget that never says no.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Bytes that may be used; `u64::MAX`: any number.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes in use. It can be more than the limit, after a [`take`](Self::take).
    #[must_use]
    pub fn used(&self) -> u64 {
        present(self.used.load(Ordering::Relaxed))
    }

    /// Takes `bytes` if there are so many. False: there are not, and nothing was taken.
    #[must_use]
    pub fn try_take(&self, bytes: u64) -> bool {
        let fits = |used: u64| {
            present(used).checked_add(bytes).filter(|sum| *sum <= self.limit)?;
            Some(used.wrapping_add(bytes))
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Takes `bytes`, whether there are so many or not.
    pub fn take(&self, bytes: u64) {
        // A sum that wraps would need more bytes than any machine has.
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was taken; never more than that.
    pub fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether buffers should hold back: the last eighth is the guest's.
    pub(crate) fn is_tight(&self) -> bool {
        self.used() >= self.limit.saturating_sub(self.limit / 8)
    }
}

/// For a moment the count can be below zero: of two threads, the one that gives back can be faster than the one whose taking
/// made that possible.
const fn present(used: u64) -> u64 {
    if used > u64::MAX / 2 { 0 } else { used }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::unlimited()
    }
}

/// The bytes that one kind of buffer of an interface holds, charged to the budget by the step, so that a
/// small message costs no visit to what all sockets of the instance share with its memory. Up to a step is not
/// charged.
#[derive(Debug)]
pub(crate) struct Charge {
    bytes: AtomicUsize,
    budget: Arc<MemoryBudget>,
}

/// Bytes of a step.
const STEP: usize = 16 * 1024;

impl Charge {
    pub(crate) fn new(budget: Arc<MemoryBudget>) -> Self {
        Self { bytes: AtomicUsize::new(0), budget }
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the budget is tight.
    pub(crate) fn is_tight(&self) -> bool {
        self.budget.is_tight()
    }

    // The steps between two values of one counter add up, in whatever order the threads change it.
    pub(crate) fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let steps = (before.wrapping_add(bytes) / STEP).wrapping_sub(before / STEP);
        if steps > 0 {
            self.budget.take(charged(steps));
        }
    }

    /// Never more than was added.
    pub(crate) fn subtract(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let steps = (before / STEP).wrapping_sub(before.wrapping_sub(bytes) / STEP);
        if steps > 0 {
            self.budget.give_back(charged(steps));
        }
    }
}

fn charged(steps: usize) -> u64 {
    u64::try_from(steps.saturating_mul(STEP)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let budget = MemoryBudget::new(100);
        assert!(budget.try_take(60));
        assert!(!budget.try_take(41));
        assert!(!budget.try_take(u64::MAX));
        assert_eq!(budget.used(), 60);
        assert!(budget.try_take(40));
        budget.give_back(100);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_promise_may_go_over_the_limit_and_then_nothing_fits() {
        let budget = MemoryBudget::new(100);
        budget.take(150);
        assert!(budget.is_tight() && !budget.try_take(1));
        budget.give_back(63);
        assert!(!budget.is_tight(), "an eighth is free");
    }

    #[test]
    fn what_is_given_back_before_it_is_taken_is_no_use_of_all_memory() {
        let budget = MemoryBudget::new(100);
        budget.give_back(10);
        assert!(budget.used() == 0 && !budget.is_tight());
        assert!(budget.try_take(100));
        budget.take(10);
        assert_eq!(budget.used(), 100);
    }

    #[test]
    fn an_unlimited_budget_is_never_tight() {
        let budget = MemoryBudget::unlimited();
        assert!(budget.try_take(1 << 60) && !budget.is_tight());
    }

    #[test]
    fn buffers_are_charged_in_steps_and_to_the_byte_in_the_end() {
        let budget = Arc::new(MemoryBudget::new(1 << 30));
        let charge = Charge::new(budget.clone());
        let mut held = 0;
        for (added, taken) in [(100, 0), (STEP, 50), (10 * STEP, 3 * STEP), (1, STEP), (0, 0)] {
            charge.add(added);
            charge.subtract(taken);
            held = held + added - taken;
            assert_eq!(charge.bytes(), held);
            assert_eq!(budget.used(), charged(held / STEP));
        }
        charge.subtract(held);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn threads_that_charge_at_once_leave_nothing_behind() {
        let budget = Arc::new(MemoryBudget::new(1 << 40));
        let charge = Arc::new(Charge::new(budget.clone()));
        std::thread::scope(|scope| {
            for thread in 1..=4_usize {
                let charge = charge.clone();
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let bytes = (round * thread * 977) % (3 * STEP);
                        charge.add(bytes);
                        charge.subtract(bytes);
                    }
                });
            }
        });
        assert_eq!((charge.bytes(), budget.used()), (0, 0));
    }
}
