//! Whose answers a socket waits for: the addresses that it has sent to, each for a while.
//!
//! A guest can send to any number of addresses, so the memory is bounded: the address that was silent for the
//! longest time goes first.

use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::time::Instant;

/// How long after the last datagram of a conversation an answer is admitted: what the connection tracking of
/// Linux gives to a conversation in both directions.
pub const ANSWER_TIME: Duration = Duration::from_secs(120);

/// Addresses whose answers one socket waits for.
pub const ASKED: usize = 256;

/// The addresses that a socket has sent to; the one that was used last is the first.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<(SocketAddrV4, Instant)>);

impl Asked {
    /// The socket sends to `peer`.
    pub(super) fn note(&mut self, peer: SocketAddrV4, now: Instant) {
        if self.renew(peer, now) {
            return;
        }
        if self.0.len() < ASKED {
            self.0.push((peer, now));
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|(_, since)| *since) {
            *oldest = (peer, now);
        }
    }

    /// Whether the socket waits for answers of `peer`; then it does so anew.
    pub(super) fn admits(&mut self, peer: SocketAddrV4, now: Instant) -> bool {
        let at = self.0.iter().position(|(asked, _)| *asked == peer);
        let is_late =
            |at: &usize| self.0.get(*at).is_none_or(|(_, since)| now.duration_since(*since) > ANSWER_TIME);
        if at.as_ref().is_none_or(is_late) { false } else { self.renew(peer, now) }
    }

    fn renew(&mut self, peer: SocketAddrV4, now: Instant) -> bool {
        let Some(at) = self.0.iter().position(|(asked, _)| *asked == peer) else { return false };
        self.0.swap(0, at);
        if let Some((_, since)) = self.0.first_mut() {
            *since = now;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: usize) -> SocketAddrV4 {
        let port = u16::try_from(number).unwrap();
        SocketAddrV4::new([10, 0, 0, 5].into(), port)
    }

    #[test]
    fn an_answer_is_awaited_for_a_while_and_renews_it() {
        let start = Instant::now();
        let mut asked = Asked::default();
        asked.note(peer(1), start);
        for (seconds, from, admitted) in [
            (0, 2, false),
            (0, 1, true),
            (100, 1, true),
            // 120 seconds after the answer, not after the question.
            (220, 1, true),
            (341, 1, false),
            (342, 1, false),
        ] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(asked.admits(peer(from), now), admitted, "{from} after {seconds} s");
        }
        asked.note(peer(1), start + Duration::from_secs(343));
        assert!(asked.admits(peer(1), start + Duration::from_secs(344)), "asked again");
    }

    #[test]
    fn the_longest_silent_is_forgotten_first() {
        let start = Instant::now();
        let at = |n: usize| start + Duration::from_millis(u64::try_from(n).unwrap());
        let mut asked = Asked::default();
        for n in 0..ASKED {
            asked.note(peer(n), at(n));
        }
        asked.note(peer(0), at(ASKED));
        asked.note(peer(ASKED), at(ASKED + 1));
        assert_eq!(asked.0.len(), ASKED);
        for (n, admitted) in [(0, true), (1, false), (2, true), (ASKED, true)] {
            assert_eq!(asked.admits(peer(n), at(ASKED + 2)), admitted, "{n}");
        }
    }
}
