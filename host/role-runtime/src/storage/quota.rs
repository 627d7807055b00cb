//! How much of its quota a store uses, and who has been promised more.
//!
//! Whatever makes a store grow reserves the growth first and settles it with what really happened: an operation that fails,
//! or does half of what it meant to do, gives the rest back. A store that is over its quota from the start (the
//! quota became smaller) can shrink but not grow.

/// An amount of storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The lengths of all files, each counted once, and of the targets of symbolic links.
    pub(crate) bytes: u64,
    /// Entries of directories: files, directories and links.
    pub(crate) names: u64,
}

impl Usage {
    /// A new entry of a directory.
    pub(crate) const NAME: Self = Self { bytes: 0, names: 1 };

    pub(crate) fn bytes(bytes: u64) -> Self {
        Self { bytes, names: 0 }
    }

    fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), names: self.names.saturating_add(other.names) }
    }

    fn minus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(other.bytes), names: self.names.saturating_sub(other.names) }
    }
}

/// What a store may use, and what it uses.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: Usage,
    used: Usage,
}

/// A promise of storage. It counts as used until it is settled.
#[derive(Debug)]
#[must_use = "a reservation that is not settled is lost to the store"]
pub(crate) struct Reservation(Usage);

impl Reservation {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes
    }
}

/// Names that every store may have, however small it is.
const FEWEST_NAMES: u64 = 1024;

/// Above that, one name for so many bytes of the quota: no file system gives out more.
const BYTES_FOR_A_NAME: u64 = 4096;

impl Quota {
    /// A store of at most `limit` bytes that now holds `used`.
    ///
    /// Names have a limit too, which follows from that of bytes: empty files and directories have no length but need
    /// room on the disk and memory in the host.
    pub(crate) fn new(limit: u64, used: Usage) -> Self {
        let mut quota = Self { limit: Usage::default(), used };
        quota.limit_to(limit);
        quota
    }

    /// Changes how many bytes there may be.
    pub(crate) fn limit_to(&mut self, bytes: u64) {
        self.limit = Usage { bytes, names: (bytes / BYTES_FOR_A_NAME).max(FEWEST_NAMES) };
    }

    /// Promises all that is wanted, or nothing.
    pub(crate) fn reserve(&mut self, wanted: Usage) -> Option<Reservation> {
        let fits = fits(self.used.bytes, wanted.bytes, self.limit.bytes)
            && fits(self.used.names, wanted.names, self.limit.names);
        if !fits {
            return None;
        }
        self.used = self.used.plus(wanted);
        Some(Reservation(wanted))
    }

    /// Promises as many of the bytes that are wanted as there are.
    pub(crate) fn reserve_bytes_up_to(&mut self, wanted: u64) -> Reservation {
        let granted = Usage::bytes(wanted.min(self.limit.bytes.saturating_sub(self.used.bytes)));
        self.used = self.used.plus(granted);
        Reservation(granted)
    }

    /// Replaces a promise by what was really used.
    pub(crate) fn settle(&mut self, reservation: Reservation, real: Usage) {
        self.used = self.used.minus(reservation.0).plus(real);
    }

    /// Something is not used any more.
    pub(crate) fn give_back(&mut self, freed: Usage) {
        self.used = self.used.minus(freed);
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> Usage {
        self.used
    }
}

/// What is not wanted fits, even if there is too much already.
fn fits(used: u64, wanted: u64, limit: u64) -> bool {
    wanted == 0 || used.checked_add(wanted).is_some_and(|total| total <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_granted_up_to_the_last_byte() {
        for (used, wanted, granted) in [
            (0, 100, true),
            (0, 101, false),
            (99, 1, true),
            (99, 2, false),
            (100, 0, true),
            (100, 1, false),
            (150, 0, true),
            (150, 1, false),
            (1, u64::MAX, false),
        ] {
            let mut quota = Quota::new(100, Usage::bytes(used));
            assert_eq!(quota.reserve(Usage::bytes(wanted)).is_some(), granted, "{used} + {wanted}");
        }
    }

    #[test]
    fn a_write_gets_what_is_left() {
        for (used, wanted, granted) in
            [(0, 100, 100), (0, 101, 100), (60, 100, 40), (100, 1, 0), (150, 1, 0), (0, u64::MAX, 100)]
        {
            let mut quota = Quota::new(100, Usage::bytes(used));
            assert_eq!(quota.reserve_bytes_up_to(wanted).bytes(), granted, "{used} + {wanted}");
        }
    }

    #[test]
    fn what_was_reserved_and_not_used_can_be_used_again() {
        let mut quota = Quota::new(100, Usage::default());
        let reservation = quota.reserve(Usage { bytes: 100, names: 1 }).unwrap();
        assert!(quota.reserve(Usage::bytes(1)).is_none(), "a promise counts");
        quota.settle(reservation, Usage { bytes: 30, names: 1 });
        assert_eq!(quota.used(), Usage { bytes: 30, names: 1 });
        assert!(quota.reserve(Usage::bytes(70)).is_some());
    }

    #[test]
    fn what_is_freed_can_be_used_again() {
        let mut quota = Quota::new(100, Usage { bytes: 150, names: 3 });
        quota.give_back(Usage { bytes: 51, names: 1 });
        assert_eq!(quota.used(), Usage { bytes: 99, names: 2 });
        assert!(quota.reserve(Usage::bytes(1)).is_some());
    }

    #[test]
    fn names_are_counted_by_the_size_of_the_store() {
        for (limit, names) in [(0, 1024), (4 << 20, 1024), (400 << 20, 102_400)] {
            let mut quota = Quota::new(limit, Usage { bytes: 0, names: names - 1 });
            assert!(quota.reserve(Usage::NAME).is_some(), "{limit}");
            assert!(quota.reserve(Usage::NAME).is_none(), "{limit}");
        }
    }
}
