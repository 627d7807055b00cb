//! Journals: the last lines and events of a deployment, numbered, for whoever wants to read or follow them.
//!
//! A journal keeps a number of entries and of bytes, whichever is less; what is older is forgotten, and who reads too slowly is told
//! how many entries are gone. Numbers go up by one. A journal that follows one of an earlier life of the host begins with a higher
//! number than that one can have reached. Writing never waits for a reader.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Numbers of one life: more than a host ever writes, and few enough that two million lives fit into the numbers that JSON has.
const LIFE: u64 = 1 << 32;

/// How much a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Entries.
    pub entries: usize,
    /// Bytes of all entries together, as they are counted when they are written.
    pub bytes: usize,
}

/// A journal. Clone = handle.
#[derive(Debug)]
pub struct Journal<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    ring: Mutex<Ring<T>>,
    /// The number of the last entry; closed when there will be no more.
    last: watch::Sender<Last>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Last {
    number: u64,
    closed: bool,
}

#[derive(Debug)]
struct Ring<T> {
    retention: Retention,
    entries: VecDeque<(Arc<T>, usize)>,
    bytes: usize,
    /// The number of the first entry that was ever written.
    born: u64,
    /// The number of the next entry.
    next: u64,
}

impl<T> Ring<T> {
    /// The number of the oldest entry that is there, or of the next one.
    fn first(&self) -> u64 {
        self.next.saturating_sub(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    fn forget_oldest(&mut self) {
        if let Some((_, bytes)) = self.entries.pop_front() {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Journal<T> {
    /// An empty one, in a life of the host: they count from 0.
    #[must_use]
    pub fn new(retention: Retention, life: u32) -> Self {
        let born = u64::from(life).saturating_mul(LIFE).saturating_add(1);
        let ring = Ring { retention, entries: VecDeque::new(), bytes: 0, born, next: born };
        Self(Arc::new(Shared { ring: Mutex::new(ring), last: watch::Sender::new(Last::default()) }))
    }

    /// Writes an entry, which is told its number and says how many bytes it is.
    pub fn write(&self, entry: impl FnOnce(u64) -> (T, usize)) {
        let mut ring = self.ring();
        let number = ring.next;
        let (entry, bytes) = entry(number);
        ring.next = ring.next.saturating_add(1);
        ring.entries.push_back((Arc::new(entry), bytes));
        ring.bytes = ring.bytes.saturating_add(bytes);
        while ring.entries.len() > ring.retention.entries || ring.bytes > ring.retention.bytes {
            ring.forget_oldest();
        }
        drop(ring);
        self.0.last.send_modify(|last| last.number = last.number.max(number));
    }

    /// Nothing will be written any more: followers come to an end.
    pub fn close(&self) {
        self.0.last.send_modify(|last| last.closed = true);
    }

    /// What comes after the entry of this number; without one, everything that is there. After one of an earlier life comes
    /// everything of this one.
    #[must_use]
    pub fn follow(&self, after: Option<u64>) -> Follow<T> {
        let ring = self.ring();
        let next = match after {
            Some(after) => after.saturating_add(1).clamp(ring.born, ring.next),
            // Who asks for everything has missed nothing.
            None => ring.first(),
        };
        drop(ring);
        Follow { journal: self.clone(), last: self.0.last.subscribe(), next }
    }

    /// How many entries were written, and how many bytes are kept.
    #[cfg(test)]
    fn size(&self) -> (u64, usize) {
        let ring = self.ring();
        (ring.next.saturating_sub(1), ring.bytes)
    }

    fn ring(&self) -> MutexGuard<'_, Ring<T>> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a journal from one place on.
#[derive(Debug)]
pub struct Follow<T> {
    journal: Journal<T>,
    last: watch::Receiver<Last>,
    next: u64,
}

/// What a journal tells.
#[derive(Debug)]
pub enum Told<T> {
    /// An entry.
    Entry(Arc<T>),
    /// These many entries were forgotten before they were read.
    Missed(u64),
}

impl<T> Follow<T> {
    /// What comes next; waits for it. None when nothing will come any more.
    pub async fn next(&mut self) -> Option<Told<T>> {
        loop {
            let closed = self.last.borrow_and_update().closed;
            if let Some(told) = self.try_next() {
                return Some(told);
            }
            if closed || self.last.changed().await.is_err() {
                return None;
            }
        }
    }

    /// What comes next, if it is there.
    pub fn try_next(&mut self) -> Option<Told<T>> {
        let ring = self.journal.ring();
        let first = ring.first();
        if self.next < first {
            let missed = first - self.next;
            self.next = first;
            return Some(Told::Missed(missed));
        }
        let place = usize::try_from(self.next - first).ok()?;
        let (entry, _) = ring.entries.get(place)?;
        self.next += 1;
        Some(Told::Entry(Arc::clone(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(entries: usize, bytes: usize) -> Journal<String> {
        Journal::new(Retention { entries, bytes }, 0)
    }

    fn write(journal: &Journal<String>, words: &str) {
        journal.write(|number| (format!("{number} {words}"), words.len()));
    }

    fn told(told: Told<String>) -> String {
        match told {
            Told::Entry(entry) => entry.to_string(),
            Told::Missed(missed) => format!("missed {missed}"),
        }
    }

    fn there(mut follow: Follow<String>) -> Vec<String> {
        std::iter::from_fn(|| follow.try_next().map(told)).collect()
    }

    #[test]
    fn entries_have_numbers_and_can_be_read_after_one_of_them() {
        let journal = journal(10, 100);
        ["a", "b", "c"].iter().for_each(|words| write(&journal, words));
        assert_eq!(there(journal.follow(None)), ["1 a", "2 b", "3 c"]);
        assert_eq!(there(journal.follow(Some(0))), ["1 a", "2 b", "3 c"]);
        assert_eq!(there(journal.follow(Some(2))), ["3 c"]);
        assert_eq!(there(journal.follow(Some(3))), [""; 0]);
    }

    #[test]
    fn numbers_of_an_earlier_life_are_lower_and_all_of_this_one_comes_after_them() {
        let (before, now) = (journal(10, 100), Journal::new(Retention { entries: 10, bytes: 100 }, 1));
        ["a", "b"].iter().for_each(|words| write(&before, words));
        write(&now, "c");
        assert_eq!(there(now.follow(Some(2))), ["4294967297 c"]);
        assert_eq!(there(now.follow(Some(4_294_967_297))), [""; 0]);
        // Of a host that has forgotten its lives: it goes on with what comes.
        assert_eq!(there(before.follow(Some(4_294_967_297))), [""; 0]);
    }

    #[test]
    fn the_oldest_is_forgotten_by_count_and_by_bytes() {
        let few = journal(2, 100);
        ["a", "b", "c"].iter().for_each(|words| write(&few, words));
        assert_eq!(there(few.follow(None)), ["2 b", "3 c"]);
        let small = journal(100, 5);
        ["aa", "bb", "cc"].iter().for_each(|words| write(&small, words));
        assert_eq!(there(small.follow(None)), ["2 bb", "3 cc"]);
        assert_eq!(small.size(), (3, 4));
        // More than all of it: nothing stays, and the next one is kept again.
        write(&small, "dddddd");
        assert_eq!((there(small.follow(None)), small.size()), (vec![], (4, 0)));
        write(&small, "e");
        assert_eq!(there(small.follow(None)), ["5 e"]);
    }

    #[test]
    fn who_reads_too_slowly_is_told_what_is_gone() {
        let journal = journal(2, 100);
        write(&journal, "a");
        let mut follow = journal.follow(Some(0));
        ["b", "c", "d"].iter().for_each(|words| write(&journal, words));
        let read: Vec<String> = std::iter::from_fn(|| follow.try_next().map(told)).collect();
        assert_eq!(read, ["missed 2", "3 c", "4 d"]);
    }

    #[tokio::test]
    async fn a_follower_waits_for_what_comes_and_ends_with_the_journal() {
        let journal = journal(10, 100);
        let mut follow = journal.follow(None);
        let writer = journal.clone();
        let following = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(next) = follow.next().await {
                all.push(told(next));
                if all.len() == 1 {
                    write(&writer, "b");
                    writer.close();
                }
            }
            all
        });
        write(&journal, "a");
        assert_eq!(following.await.unwrap(), ["1 a", "2 b"]);
    }
}
