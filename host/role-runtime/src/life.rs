//! The life cycle, as the guest goes through it: `on-start`, then `run` and requests at the same time, then
//! `stopping` and `on-stop`.
//!
//! The guest's functions share one store. While one of them waits for something asynchronous (WASI 0.3), the others go
//! on; while one blocks (WASI 0.2), all wait. That is why nothing here can be relied on to keep time: the watch is outside.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{FusedFuture, OptionFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Duration, timeout};
use wasmtime::Store;
use wasmtime::component::Accessor;
use wasmtime_wasi::I32Exit;

use crate::control::{Control, InstanceState, Wish};
use crate::cpu::Share;
use crate::end::{End, Phase};
use crate::events::{DEADLINE, EventExports, Listener, Outcome, hear};
use crate::exports::{EntryPoint, Exports};
use crate::http::{Answering, Door, Pacer, Web, answer_requests};
use crate::instance::reason_of;
use crate::sandbox::Sandbox;

/// How long the last words of the web server may take after the store is gone: the 502 of requests that were lost with it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Takes an instance from `on-start` to its end.
pub(crate) async fn live(
    mut store: Store<Sandbox>,
    exports: &Exports,
    web: Option<Web>,
    listener: Listener,
    control: &Control,
    share: &Share,
) -> End {
    if let Some(entry_point) = &exports.entry_point
        && let Err(end) = on_start(&mut store, entry_point).await
    {
        return end;
    }
    if control.wish() < Wish::Stop {
        control.enter(InstanceState::Ready);
    }
    let pacer = Pacer::new(share.clone());
    let phase = Mutex::new(Phase::Run);
    // What only web roles need is large, and has its place apart: an instance without it is a small future.
    let (server, door, answering) = match web.map(|web| web.split(&pacer)) {
        Some((server, door, answering)) => (Some(Box::pin(server)), Some(door), Some(answering)),
        None => (None, None, None),
    };
    let mut serving = pin!(OptionFuture::from(server).map(drop).fuse());
    let work = Work { exports, door: door.as_ref(), answering, listener, control, phase: &phase };
    let worked = store.run_concurrent(async move |accessor| work.go(accessor).await);
    let worked = pacer.drive(worked, serving.as_mut()).await;
    // From here on the queue of requests is gone, and who waits for an answer learns that there is none.
    let end = match worked {
        Ok(Ok(end)) => end,
        Ok(Err(error)) | Err(error) => {
            if let Some(door) = &door {
                door.store_is_lost();
            }
            let phase = *phase.lock().unwrap_or_else(PoisonError::into_inner);
            lost(&mut store, exports, control, phase, &error)
        }
    };
    drop(store);
    if let Some(door) = door {
        door.drain();
        // Whoever is not done by then is cut off when the server is dropped.
        let _ = timeout(LAST_WORDS, async {
            if !serving.is_terminated() {
                serving.await
            }
        })
        .await;
    }
    end
}

async fn on_start(store: &mut Store<Sandbox>, entry_point: &EntryPoint) -> Result<(), End> {
    let called =
        store.run_concurrent(async |accessor| entry_point.on_start.call_concurrent(accessor, ()).await).await;
    match called.and_then(|called| called) {
        Ok((Ok(()),)) => Ok(()),
        Ok((Err(reason),)) => {
            Err(End::StartFailed { reason: format!("on-start returned an error: {reason}") })
        }
        Err(error) => Err(trapped(store, Phase::OnStart, &error)),
    }
}

/// Why an instance stops working.
enum Cause {
    RunReturned(Result<(), String>),
    Asked(Wish),
}

struct Work<'a> {
    exports: &'a Exports,
    door: Option<&'a Door>,
    answering: Option<Answering>,
    listener: Listener,
    control: &'a Control,
    phase: &'a Mutex<Phase>,
}

impl Work<'_> {
    /// From Ready to the end, in one turn of `run_concurrent`: `run` is still under way while requests are finished
    /// and `on-stop` is called.
    async fn go(self, accessor: &Accessor<Sandbox>) -> wasmtime::Result<End> {
        let Self { exports, door, answering, listener, control, phase } = self;
        let mut run = pin!(run(accessor, exports));
        let requests = answering.map(|answering| Box::pin(answer(accessor, exports, answering)));
        let requests = OptionFuture::from(requests).map(|answered| answered.unwrap_or(Ok(())));
        let mut requests = pin!(requests.fuse());
        let others = async {
            tokio::select! {
                biased;
                wish = control.wished(Wish::Recycle) => Ok(Cause::Asked(wish)),
                result = &mut run => result.map(Cause::RunReturned),
                error = hear(accessor, &exports.events, listener, phase) => Err(error),
            }
        };
        // Requests wake this all the time. The set polls what waits for something else only when that has come.
        let mut others: FuturesUnordered<_> = std::iter::once(others).collect();
        let cause = tokio::select! {
            biased;
            Some(cause) = others.next() => cause?,
            error = failure(&mut requests) => return Err(error),
        };
        if let Cause::RunReturned(result) = &cause {
            control.run_returned(result.clone());
        }
        control.begin_stop();
        if let Some(door) = door {
            door.drain();
        }
        if !requests.is_terminated() {
            requests.await?;
        }
        // Bound here, so that a `stopping` that hangs goes on beside `on-stop`.
        let mut stopping = pin!(stopping(accessor, &exports.events));
        enter(phase, Phase::Stopping);
        match timeout(DEADLINE, &mut stopping).await {
            Ok(outcome) => control.stopping_told(outcome?),
            Err(_) => control.stopping_told(Outcome::TimedOut),
        }
        if let Some(entry_point) = &exports.entry_point {
            enter(phase, Phase::OnStop);
            entry_point.on_stop.call_concurrent(accessor, ()).await?;
        }
        Ok(match cause {
            Cause::RunReturned(result) => End::RunReturned { result },
            Cause::Asked(Wish::Recycle) => End::RecycleRequested { forced: false },
            Cause::Asked(_) => End::Stopped { forced: false },
        })
    }
}

pub(crate) fn enter(phase: &Mutex<Phase>, now: Phase) {
    *phase.lock().unwrap_or_else(PoisonError::into_inner) = now;
}

/// The role's Run: the entry point's, else the program's; a role that has neither only answers requests.
async fn run(accessor: &Accessor<Sandbox>, exports: &Exports) -> wasmtime::Result<Result<(), String>> {
    if let Some(entry_point) = &exports.entry_point {
        let (result,) = entry_point.run.call_concurrent(accessor, ()).await?;
        return Ok(result);
    }
    if let Some(program) = &exports.program {
        let (result,) = program.call_concurrent(accessor, ()).await?;
        return Ok(result.map_err(|()| "the program reported a failure".to_owned()));
    }
    std::future::pending().await
}

async fn stopping(accessor: &Accessor<Sandbox>, exports: &EventExports) -> wasmtime::Result<Outcome<()>> {
    match &exports.stopping {
        Some(stopping) => stopping.call_concurrent(accessor, ()).await.map(Outcome::Answered),
        None => Ok(Outcome::NoHandler),
    }
}

async fn answer(
    accessor: &Accessor<Sandbox>,
    exports: &Exports,
    answering: Answering,
) -> wasmtime::Result<()> {
    match (&exports.handler, answering) {
        (Some(handler), Answering::Role(requests)) => answer_requests(accessor, handler, requests).await,
        (_, Answering::Nursery(all_answered)) => {
            // Nothing is ever sent: it closes.
            let _ = all_answered.await;
            Ok(())
        }
        // Everything is answered with files.
        (None, Answering::Role(requests)) => {
            requests.none_left().await;
            Ok(())
        }
    }
}

/// Resolves when answering requests fails; never when it just ends.
async fn failure(requests: impl Future<Output = wasmtime::Result<()>>) -> wasmtime::Error {
    match requests.await {
        Err(error) => error,
        Ok(()) => std::future::pending().await,
    }
}

/// The end of an instance whose store was lost to `error`.
fn lost(
    store: &mut Store<Sandbox>,
    exports: &Exports,
    control: &Control,
    phase: Phase,
    error: &wasmtime::Error,
) -> End {
    let plain_program = exports.entry_point.is_none() && exports.handler.is_none();
    if plain_program && control.wish() >= Wish::Stop {
        // A program that blocks is told to stop by its sockets failing; how it takes that is its own affair.
        return End::Stopped { forced: false };
    }
    match error.downcast_ref::<I32Exit>() {
        Some(I32Exit(0)) => End::RunReturned { result: Ok(()) },
        Some(I32Exit(status)) => End::RunReturned { result: Err(format!("it exited with status {status}")) },
        None => trapped(store, phase, error),
    }
}

pub(crate) fn trapped(store: &mut Store<Sandbox>, during: Phase, error: &wasmtime::Error) -> End {
    let limits = store.data_mut().limits_reached(error);
    End::Trapped { during, reason: format!("{}{limits}", reason_of(error)) }
}
