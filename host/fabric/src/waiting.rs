//! Connections that wait for an instance that takes them.
//!
//! The platform's balancer lets the first packet of a connection go by when nobody can take it, and the client sends it
//! again for a while. Here the operating system has said yes to the client already, so the connection itself waits: at most
//! [`CONNECTION_WAIT`], and at most [`PLACES`] at one port, since each of them is an open file.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How long a connection to a public port waits for an instance that takes it. Then it is refused: the client sees a reset.
pub const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// Connections that can wait at one port: the usual backlog of a listener. Each is an open file of this process.
pub(crate) const PLACES: usize = 128;

/// The line, first come first.
#[derive(Debug)]
pub(crate) struct Waiting<C> {
    line: VecDeque<Place<C>>,
}

#[derive(Debug)]
struct Place<C> {
    connection: C,
    until: Instant,
    /// It has been in line before. All of those are at the front.
    again: bool,
}

impl<C> Waiting<C> {
    pub(crate) const fn new() -> Self {
        Self { line: VecDeque::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Whether one more can wait.
    pub(crate) fn has_place(&self) -> bool {
        self.line.len() < PLACES
    }

    /// One that comes now; given back when there is no place.
    pub(crate) fn join(&mut self, connection: C, now: Instant) -> Result<(), C> {
        if !self.has_place() {
            return Err(connection);
        }
        self.line.push_back(Place { connection, until: now + CONNECTION_WAIT, again: false });
        Ok(())
    }

    /// One that has been in line before, here or elsewhere. It goes before those that are new, and has a place in any case: its
    /// client was let in already.
    pub(crate) fn rejoin(&mut self, connection: C, until: Instant) {
        let place = self.line.partition_point(|place| place.again);
        self.line.insert(place, Place { connection, until, again: true });
    }

    /// Offers everybody in turn until `take` gives one back. It keeps its place, and nobody after it is offered: what cannot
    /// take one cannot take another.
    pub(crate) fn serve(&mut self, mut take: impl FnMut(C) -> Result<(), C>) {
        while let Some(Place { connection, until, again }) = self.line.pop_front() {
            if let Err(connection) = take(connection) {
                self.line.push_front(Place { connection, until, again });
                return;
            }
        }
    }

    /// Takes out who has waited long enough.
    pub(crate) fn expired(&mut self, now: Instant) -> impl Iterator<Item = C> {
        let is_over = |place: &Place<C>| place.until <= now;
        let (over, line) = if self.line.iter().any(is_over) {
            std::mem::take(&mut self.line).into_iter().partition(is_over)
        } else {
            (VecDeque::new(), std::mem::take(&mut self.line))
        };
        self.line = line;
        over.into_iter().map(|place| place.connection)
    }

    /// Takes out everybody, with the time that they wait until.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = (C, Instant)> {
        self.line.drain(..).map(|place| (place.connection, place.until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(connections: &[u32], now: Instant) -> Waiting<u32> {
        let mut waiting = Waiting::new();
        connections.iter().for_each(|connection| waiting.join(*connection, now).unwrap());
        waiting
    }

    #[test]
    fn who_came_first_is_served_first_and_nobody_passes_by() {
        let mut waiting = line_of(&[1, 2, 3, 4], Instant::now());
        let mut served = Vec::new();
        waiting.serve(|connection| {
            if connection == 3 {
                return Err(connection);
            }
            served.push(connection);
            Ok(())
        });
        assert_eq!(served, [1, 2]);
        waiting.serve(|connection| {
            served.push(connection);
            Ok(())
        });
        assert_eq!((served, waiting.is_empty()), (vec![1, 2, 3, 4], true));
    }

    #[test]
    fn who_has_waited_for_its_time_goes_and_the_others_stay() {
        let start = Instant::now();
        let after = |millis| start + CONNECTION_WAIT + Duration::from_millis(millis) - Duration::from_secs(1);
        let mut waiting = line_of(&[1, 2], start);
        waiting.join(3, start + Duration::from_millis(500)).unwrap();
        let gone: Vec<Vec<u32>> =
            [999, 1000, 1499, 1500].map(|millis| waiting.expired(after(millis)).collect()).into();
        assert_eq!(gone, [vec![], vec![1, 2], vec![], vec![3]]);
    }

    #[test]
    fn who_has_been_in_line_before_goes_before_the_others_and_is_never_turned_away() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        while waiting.has_place() {
            waiting.join(9, now).unwrap();
        }
        let later = now + 2 * CONNECTION_WAIT;
        [1, 2, 3].into_iter().for_each(|again| waiting.rejoin(again, later));
        let mut served = Vec::new();
        waiting.serve(|connection| {
            if served.len() == 2 {
                return Err(connection);
            }
            served.push(connection);
            Ok(())
        });
        waiting.rejoin(4, later);
        assert_eq!((served, waiting.has_place()), (vec![1, 2], false));
        assert_eq!(waiting.expired(now + CONNECTION_WAIT).count(), PLACES);
        assert_eq!(waiting.leave().collect::<Vec<_>>(), [(3, later), (4, later)]);
    }

    #[test]
    fn a_full_line_takes_nobody_new() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        let taken = (0..200).filter(|connection| waiting.join(*connection, now).is_ok()).count();
        assert_eq!(taken, PLACES);
        assert_eq!(waiting.join(7, now), Err(7));
    }
}
