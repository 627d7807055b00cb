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
    line: VecDeque<(C, Instant)>,
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
        self.line.push_back((connection, now + CONNECTION_WAIT));
        Ok(())
    }

    /// Offers everybody in turn until `take` gives one back. It keeps its place, and nobody after it is offered: what cannot
    /// take one cannot take another.
    pub(crate) fn serve(&mut self, mut take: impl FnMut(C) -> Result<(), C>) {
        while let Some((connection, until)) = self.line.pop_front() {
            if let Err(connection) = take(connection) {
                self.line.push_front((connection, until));
                return;
            }
        }
    }

    /// Takes out who has waited long enough.
    pub(crate) fn expired(&mut self, now: Instant) -> impl Iterator<Item = C> {
        let count = self.line.iter().take_while(|(_, until)| *until <= now).count();
        self.line.drain(..count).map(|(connection, _)| connection)
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
    fn a_full_line_takes_nobody() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        let taken = (0..200).filter(|connection| waiting.join(*connection, now).is_ok()).count();
        assert_eq!(taken, PLACES);
        assert_eq!(waiting.join(7, now), Err(7));
    }
}
