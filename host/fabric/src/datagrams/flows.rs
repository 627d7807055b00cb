//! The flows of one public port: bounded, by client, each with the time of its last datagram.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Flows that one public port keeps for clients outside, and as many for instances of the deployment.
pub const FLOWS: usize = 4096;

/// When the last datagram of a flow passed, in either direction. Answers note it from the tasks of guests.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    millis: AtomicU64,
}

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        Self { begun: now, millis: AtomicU64::new(0) }
    }

    /// A datagram passes.
    pub(crate) fn note(&self, now: Instant) {
        let millis = u64::try_from(now.duration_since(self.begun).as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_max(millis, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// A flow; `F` is what is held as long as it lives.
#[derive(Debug)]
pub(super) struct Flow<F> {
    pub(super) held: F,
    /// The instance.
    pub(super) ordinal: u32,
    pub(super) activity: Arc<Activity>,
}

/// The flows.
#[derive(Debug)]
pub(super) struct Flows<F> {
    places: usize,
    idle: Duration,
    flows: BTreeMap<SocketAddr, (Flow<F>, Instant)>,
    /// Each flow once, at a time that is not after its last datagram: it is put right when it comes to the front. So a
    /// datagram costs nothing here.
    by_time: BTreeSet<(Instant, SocketAddr)>,
}

impl<F> Flows<F> {
    pub(super) fn new(places: usize, idle: Duration) -> Self {
        Self { places: places.max(1), idle, flows: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    pub(super) fn get(&self, client: SocketAddr) -> Option<&Flow<F>> {
        self.flows.get(&client).map(|(flow, _)| flow)
    }

    /// A new flow, in place of one of the same client. When there is no place, the one that was silent longest ends.
    pub(super) fn insert(&mut self, client: SocketAddr, flow: Flow<F>) {
        self.remove(client);
        while self.flows.len() >= self.places && self.end_longest_silent(None) {}
        let at = flow.activity.last();
        self.by_time.insert((at, client));
        self.flows.insert(client, (flow, at));
    }

    pub(super) fn remove(&mut self, client: SocketAddr) {
        if let Some((_, at)) = self.flows.remove(&client) {
            self.by_time.remove(&(at, client));
        }
    }

    /// Ends all of them.
    pub(super) fn clear(&mut self) {
        self.flows.clear();
        self.by_time.clear();
    }

    /// Keeps those of which this is true, and gives the others.
    pub(super) fn take_unless(&mut self, mut is_kept: impl FnMut(&Flow<F>) -> bool) -> Vec<Flow<F>> {
        let by_time = &mut self.by_time;
        let taken = self.flows.extract_if(.., |client, (flow, at)| {
            let is_taken = !is_kept(flow);
            if is_taken {
                by_time.remove(&(*at, *client));
            }
            is_taken
        });
        taken.map(|(_, (flow, _))| flow).collect()
    }

    /// Ends those that have been idle for their time.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.end_longest_silent(Some(now)) {}
    }

    /// When a flow may have been idle for its time next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.by_time.first().and_then(|(at, _)| at.checked_add(self.idle))
    }

    /// Ends the flow that was silent for the longest time, with `now` only if its time is over. False: there is none.
    fn end_longest_silent(&mut self, now: Option<Instant>) -> bool {
        while let Some((at, client)) = self.by_time.first().copied() {
            let is_over = |now: Instant| at.checked_add(self.idle).is_some_and(|over| over <= now);
            if now.is_some_and(|now| !is_over(now)) {
                return false;
            }
            let Some((flow, listed)) = self.flows.get_mut(&client) else { return false };
            let last = flow.activity.last();
            if last <= at {
                self.remove(client);
                return true;
            }
            self.by_time.remove(&(at, client));
            self.by_time.insert((last, client));
            *listed = last;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn client(number: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], u16::try_from(number).unwrap()))
    }

    /// Flows of the clients from 1 up, which began one second after the other.
    fn flows(count: usize, places: usize, start: Instant) -> Flows<usize> {
        let mut flows = Flows::new(places, IDLE);
        for number in 1..=count {
            let begun = start + Duration::from_secs(number.try_into().unwrap());
            let activity = Arc::new(Activity::new(begun));
            flows.insert(client(number), Flow { held: number, ordinal: 0, activity });
        }
        flows
    }

    fn held(flows: &Flows<usize>) -> Vec<usize> {
        assert_eq!(flows.flows.len(), flows.by_time.len());
        flows.flows.values().map(|(flow, _)| flow.held).collect()
    }

    #[test]
    fn a_flow_ends_when_it_was_idle_for_its_time_and_every_datagram_begins_that_anew() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut flows = flows(3, 10, start);
        flows.get(client(1)).unwrap().activity.note(at(30));
        let left: Vec<Vec<usize>> = [60, 62, 63, 89, 90]
            .map(|seconds| {
                flows.expire(at(seconds));
                held(&flows)
            })
            .into();
        assert_eq!(left, [vec![1, 2, 3], vec![1, 3], vec![1], vec![1], vec![]]);
        assert_eq!(flows.due(), None);
    }

    #[test]
    fn when_there_is_no_place_the_one_that_was_silent_longest_ends() {
        let start = Instant::now();
        let mut flows = flows(3, 3, start);
        flows.get(client(1)).unwrap().activity.note(start + Duration::from_secs(30));
        for (new, left) in [(4, [1, 3, 4]), (5, [1, 4, 5])] {
            let activity = Arc::new(Activity::new(start + Duration::from_secs(40)));
            flows.insert(client(new), Flow { held: new, ordinal: 0, activity });
            assert_eq!(held(&flows), left);
        }
    }

    #[test]
    fn a_client_has_one_flow() {
        let start = Instant::now();
        let mut flows = flows(2, 10, start);
        let activity = Arc::new(Activity::new(start));
        flows.insert(client(1), Flow { held: 7, ordinal: 1, activity });
        assert_eq!(held(&flows), [7, 2]);
        flows.remove(client(1));
        flows.remove(client(1));
        assert_eq!(flows.take_unless(|flow| flow.held != 2).len(), 1);
        assert!(held(&flows).is_empty());
    }
}
