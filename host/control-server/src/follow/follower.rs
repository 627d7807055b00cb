//! Follows one deployment: its lines and its events, in batches.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio::time::{Duration, Instant, sleep_until};
use wasm_roles_control_interface::{
    DeploymentSummary, EventLine, JournalQuery, LogLine, Streamed, Timestamp,
};

use super::{Entry, Sink};
use crate::operator::{LineSource, Operator};

/// Entries that are given out together.
const BATCH: usize = 500;

/// How far a deployment was followed: the numbers of its last line and its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    lines: Option<u64>,
    events: Option<u64>,
}

/// Follows from a place on until both streams end, it has to stop, or nobody holds the other end of `leave` any more, and says how
/// far it came. `of`: whose entries they are, and in which slot.
pub(super) async fn follow<O: Operator>(
    operator: O,
    of: DeploymentSummary,
    place: Place,
    (sink, linger): (Arc<impl Sink>, Duration),
    mut stopping: watch::Receiver<bool>,
    mut leave: oneshot::Receiver<()>,
) -> Place {
    let query = |after| JournalQuery { after, last: None, follow: true, of: None };
    let lines = operator.logs(&of.tenant, &of.deployment, query(place.lines)).await;
    let events = operator.events(&of.tenant, &of.deployment, query(place.events)).await;
    // They are asked for by the slot, where another one may be meanwhile.
    let there = operator.status(&of.tenant, &of.deployment).await;
    if there.is_ok_and(|there| there.summary.id != of.id) {
        return place;
    }
    // One that is not there any more was deleted meanwhile.
    let mut streams = Streams { lines: lines.ok(), events: events.ok(), place, latest: of.since };
    while streams.are_open() && !*stopping.borrow() {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            _ = &mut leave => break,
            told = streams.next() => streams.note(told, &mut batch),
        }
        let until = Instant::now() + linger;
        while batch.len() < BATCH && streams.are_open() {
            tokio::select! {
                biased;
                told = streams.next() => streams.note(told, &mut batch),
                () = sleep_until(until) => break,
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        if !batch.is_empty() {
            sink.entries(&of, batch, &mut stopping).await;
        }
    }
    streams.place
}

struct Streams<L, E> {
    lines: Option<L>,
    events: Option<E>,
    place: Place,
    /// The time of what was told last.
    latest: Timestamp,
}

enum Told {
    Line(Option<Streamed<Arc<LogLine>>>),
    Event(Option<Streamed<Arc<EventLine>>>),
}

impl<L: LineSource<LogLine>, E: LineSource<EventLine>> Streams<L, E> {
    const fn are_open(&self) -> bool {
        self.lines.is_some() || self.events.is_some()
    }

    /// It can be dropped while it waits.
    async fn next(&mut self) -> Told {
        tokio::select! {
            told = next_of(&mut self.lines) => Told::Line(told),
            told = next_of(&mut self.events) => Told::Event(told),
        }
    }

    fn note(&mut self, told: Told, batch: &mut Vec<Entry>) {
        match told {
            Told::Line(Some(Streamed::Line(line))) => {
                (self.place.lines, self.latest) = (Some(line.sequence), line.time);
                batch.push(Entry::Line(line));
            }
            Told::Event(Some(Streamed::Line(event))) => {
                (self.place.events, self.latest) = (Some(event.sequence), event.time);
                batch.push(Entry::Event(event));
            }
            Told::Line(Some(Streamed::Gap { missed })) => {
                batch.push(Entry::Missing { what: "lines", missed, after: self.latest });
            }
            Told::Event(Some(Streamed::Gap { missed })) => {
                batch.push(Entry::Missing { what: "events", missed, after: self.latest });
            }
            Told::Line(None | Some(Streamed::End { .. })) => self.lines = None,
            Told::Event(None | Some(Streamed::End { .. })) => self.events = None,
        }
    }
}

/// What a stream tells next; nothing ever from one that is not there.
async fn next_of<T>(stream: &mut Option<impl LineSource<T>>) -> Option<Streamed<Arc<T>>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}
