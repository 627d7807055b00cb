//! One save is many events: an editor writes a file, renames it, changes its mode. Pure: whoever asks says what time it is.

use std::time::Duration;

use tokio::time::Instant;

/// When nothing has happened for so long, the save is over.
const QUIET: Duration = Duration::from_millis(50);
/// What goes on and on is taken after so long.
const LONGEST: Duration = Duration::from_millis(500);

/// The events of one save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debounce {
    /// The times of the first one and of the last one.
    span: Option<(Instant, Instant)>,
}

impl Debounce {
    /// Something has happened.
    pub fn happened(&mut self, now: Instant) {
        let first = self.span.map_or(now, |(first, _)| first);
        self.span = Some((first, now));
    }

    /// When the save is over, if nothing happens until then; none when nothing has happened.
    pub fn over(&self) -> Option<Instant> {
        let (first, last) = self.span?;
        Some((last + QUIET).min(first + LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_is_over_when_nothing_has_happened_for_a_while() {
        let begin = Instant::now();
        let mut debounce = Debounce::default();
        assert_eq!(debounce.over(), None);
        debounce.happened(begin);
        assert_eq!(debounce.over(), Some(begin + QUIET));
        debounce.happened(begin + QUIET / 2);
        assert_eq!(debounce.over(), Some(begin + QUIET / 2 + QUIET));
    }

    #[test]
    fn what_does_not_end_is_taken_in_pieces() {
        let begin = Instant::now();
        let mut debounce = Debounce::default();
        for event in 0..100 {
            debounce.happened(begin + QUIET / 2 * event);
        }
        assert_eq!(debounce.over(), Some(begin + LONGEST));
    }
}
