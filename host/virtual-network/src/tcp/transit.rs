//! What is under way from one end of a connection to the other, because faults delay it or hold it back.
//!
//! The bytes themselves are in the pipe; here stands how many of them have not arrived, and when they will. Pure
//! but for the two waits that it keeps for the pipe.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::faults::{Passage, Wait};

/// Arrivals that are told apart. Beyond, bytes arrive with those that were sent after them.
const ARRIVALS: usize = 256;

/// News of an end on its way to the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum News {
    /// There are none, or they have arrived.
    #[default]
    None,
    Held,
    At(Instant),
}

impl News {
    fn are_under_way(self) -> bool {
        self != Self::None
    }

    fn due(self) -> Option<Instant> {
        match self {
            Self::At(due) => Some(due),
            Self::None | Self::Held => None,
        }
    }

    fn settle(&mut self, now: Instant, passage: impl FnOnce() -> Passage) {
        if *self == Self::Held
            && let Passage::At(due) = passage()
        {
            *self = Self::At(due);
        }
        if matches!(*self, Self::At(due) if due <= now) {
            *self = Self::None;
        }
    }
}

impl From<Passage> for News {
    fn from(passage: Passage) -> Self {
        match passage {
            Passage::Held => Self::Held,
            Passage::At(due) => Self::At(due),
        }
    }
}

/// One direction of a connection under faults.
#[derive(Debug, Default)]
pub(super) struct Transit {
    /// Bytes under way with the time of their arrival, which never goes back.
    arrivals: VecDeque<(Instant, usize)>,
    /// Bytes behind those, held back until the faults change.
    held: usize,
    /// All of them.
    under_way: usize,
    /// The writer's end comes after all bytes.
    writer_end: News,
    /// The reader's end travels the other way.
    reader_end: News,
    /// Bytes that were written to a reader that has ended, before the writer heard of it.
    lost: usize,
    pub(super) reader_wait: Option<Wait>,
    pub(super) writer_wait: Option<Wait>,
}

impl Transit {
    /// Bytes are sent.
    pub(super) fn send(&mut self, bytes: usize, passage: Passage) {
        self.under_way = self.under_way.saturating_add(bytes);
        match passage {
            Passage::At(due) if self.held == 0 => self.arrive(due, bytes),
            // What was sent before is held back, and comes first.
            Passage::At(_) | Passage::Held => self.held = self.held.saturating_add(bytes),
        }
    }

    fn arrive(&mut self, due: Instant, bytes: usize) {
        let full = self.arrivals.len() >= ARRIVALS;
        match self.arrivals.back_mut() {
            Some((last, sum)) if full || due <= *last => {
                *last = due.max(*last);
                *sum = sum.saturating_add(bytes);
            }
            _ => self.arrivals.push_back((due, bytes)),
        }
    }

    /// Bytes are written to a reader that has ended, which the writer does not know.
    pub(super) fn lose(&mut self, bytes: usize) {
        self.lost = self.lost.saturating_add(bytes);
    }

    pub(super) fn end_writer(&mut self, passage: Passage) {
        self.writer_end = match (passage, self.arrivals.back()) {
            (Passage::At(_), _) if self.held > 0 => News::Held,
            (Passage::At(due), Some((last, _))) => News::At(due.max(*last)),
            (passage, _) => passage.into(),
        };
    }

    pub(super) fn end_reader(&mut self, passage: Passage) {
        self.reader_end = passage.into();
        // Nobody reads what is under way.
        self.arrivals.clear();
        (self.held, self.under_way) = (0, 0);
    }

    /// Moves on to `now`: `forward` and `back` say what becomes of what was held back.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        mut forward: impl FnMut(usize) -> Passage,
        back: impl FnOnce() -> Passage,
    ) {
        if self.held > 0
            && let Passage::At(due) = forward(self.held)
        {
            let held = std::mem::take(&mut self.held);
            self.arrive(due, held);
        }
        while let Some((due, bytes)) = self.arrivals.front().copied().filter(|(due, _)| *due <= now) {
            debug_assert!(due <= now);
            self.under_way = self.under_way.saturating_sub(bytes);
            self.arrivals.pop_front();
        }
        let last = self.arrivals.back().map(|(due, _)| *due);
        if self.held == 0 {
            self.writer_end.settle(now, || match (forward(0), last) {
                (Passage::At(due), Some(last)) => Passage::At(due.max(last)),
                (passage, _) => passage,
            });
        }
        self.reader_end.settle(now, back);
    }

    /// Bytes that have not arrived.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether the reader does not know of the writer's end yet.
    pub(super) fn hides_writer_end(&self) -> bool {
        self.under_way > 0 || self.writer_end.are_under_way()
    }

    /// Whether the writer does not know of the reader's end yet.
    pub(super) fn hides_reader_end(&self) -> bool {
        self.reader_end.are_under_way()
    }

    /// Bytes that the writer believes to be on their way to a reader that has ended.
    pub(super) fn lost(&self) -> usize {
        self.lost
    }

    /// When the reader has something new to see.
    pub(super) fn next_for_reader(&self) -> Option<Instant> {
        self.arrivals.front().map(|(due, _)| *due).or(self.writer_end.due())
    }

    /// When the writer has something new to see. Room comes from the reader, which wakes the writer itself.
    pub(super) fn next_for_writer(&self) -> Option<Instant> {
        self.reader_end.due()
    }

    /// Whether everything has arrived.
    pub(super) fn is_over(&self) -> bool {
        self.under_way == 0 && !self.writer_end.are_under_way() && !self.reader_end.are_under_way()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settle(transit: &mut Transit, now: Instant) {
        transit.settle(now, |_| Passage::Held, || Passage::Held);
    }

    #[test]
    fn bytes_arrive_in_order_and_the_end_after_them() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut transit = Transit::default();
        transit.send(10, Passage::At(at(20)));
        transit.send(5, Passage::At(at(10)));
        transit.send(1, Passage::At(at(30)));
        transit.end_writer(Passage::At(at(5)));
        for (ms, under_way, hidden) in [(10, 16, true), (20, 1, true), (29, 1, true), (30, 0, false)] {
            settle(&mut transit, at(ms));
            assert_eq!((transit.under_way(), transit.hides_writer_end()), (under_way, hidden), "{ms}");
        }
        assert!(transit.is_over());
    }

    #[test]
    fn what_is_held_comes_when_the_way_is_free_and_before_what_was_sent_later() {
        let now = Instant::now();
        let mut transit = Transit::default();
        transit.send(10, Passage::Held);
        transit.send(5, Passage::At(now));
        transit.end_writer(Passage::At(now));
        settle(&mut transit, now);
        assert_eq!((transit.under_way(), transit.next_for_reader()), (15, None));
        let due = now + Duration::from_millis(3);
        transit.settle(now, |_| Passage::At(due), || Passage::Held);
        assert_eq!((transit.under_way(), transit.next_for_reader()), (15, Some(due)));
        settle(&mut transit, due);
        assert!(transit.is_over());
    }

    #[test]
    fn any_number_of_tiny_writes_takes_bounded_memory() {
        let start = Instant::now();
        let mut transit = Transit::default();
        for n in 0..10_000_u64 {
            transit.send(1, Passage::At(start + Duration::from_millis(n)));
        }
        assert_eq!(transit.arrivals.len(), ARRIVALS);
        settle(&mut transit, start + Duration::from_millis(9_999));
        assert!(transit.is_over());
    }
}
