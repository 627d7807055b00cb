//! The guest's side: calls the handlers, inside the store.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use wasmtime::Store;
use wasmtime::component::{Accessor, ComponentExportIndex, Instance, TypedFunc};

use super::tell::{Answering, Listener, Question};
use super::{Change, Readiness, RoleEvent, Verdict};
use crate::end::Phase;
use crate::environment::wit;
use crate::exports::typed;
use crate::life::enter;
use crate::sandbox::Sandbox;

/// The interface and its functions.
const INTERFACE: &str = "wasm-roles:role/events@0.1.0";
const ALL: [RoleEvent; 6] = [
    RoleEvent::Changing,
    RoleEvent::Changed,
    RoleEvent::StatusCheck,
    RoleEvent::Stopping,
    RoleEvent::SimultaneousChanging,
    RoleEvent::SimultaneousChanged,
];

/// Which handlers a role has.
#[derive(Clone)]
pub(crate) struct Handlers(Arc<BTreeSet<RoleEvent>>);

impl Handlers {
    pub(super) fn has(&self, event: RoleEvent) -> bool {
        self.0.contains(&event)
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(Arc::default())
    }

    #[cfg(test)]
    pub(super) fn all() -> Self {
        Self(Arc::new(ALL.into()))
    }
}

/// Where the handlers of a component are.
pub(crate) struct EventIndices {
    indices: Vec<(RoleEvent, ComponentExportIndex)>,
    handlers: Handlers,
}

impl EventIndices {
    pub(crate) fn find(function: impl Fn(&str, &str) -> Option<ComponentExportIndex>) -> Self {
        let found = |event: RoleEvent| Some((event, function(INTERFACE, &event.to_string())?));
        let indices: Vec<_> = ALL.into_iter().filter_map(found).collect();
        let handlers = Handlers(Arc::new(indices.iter().map(|(event, _)| *event).collect()));
        Self { indices, handlers }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    pub(crate) fn handlers(&self) -> Handlers {
        self.handlers.clone()
    }
}

type News = TypedFunc<(Vec<wit::Change>,), ()>;

/// The handlers of one instance.
#[derive(Default)]
pub(crate) struct EventExports {
    changing: Option<TypedFunc<(Vec<wit::Change>,), (wit::Verdict,)>>,
    changed: Option<News>,
    status_check: Option<TypedFunc<(), (wit::Status,)>>,
    pub(crate) stopping: Option<TypedFunc<(), ()>>,
    simultaneous_changing: Option<News>,
    simultaneous_changed: Option<News>,
}

impl EventExports {
    /// # Errors
    ///
    /// When a function does not have the type that the contract gives it.
    pub(crate) fn load(
        store: &mut Store<Sandbox>,
        instance: &Instance,
        indices: &EventIndices,
    ) -> wasmtime::Result<Self> {
        let mut exports = Self::default();
        for (event, index) in &indices.indices {
            match event {
                RoleEvent::Changing => exports.changing = Some(typed(store, instance, index)?),
                RoleEvent::Changed => exports.changed = Some(typed(store, instance, index)?),
                RoleEvent::StatusCheck => exports.status_check = Some(typed(store, instance, index)?),
                RoleEvent::Stopping => exports.stopping = Some(typed(store, instance, index)?),
                RoleEvent::SimultaneousChanging => {
                    exports.simultaneous_changing = Some(typed(store, instance, index)?);
                }
                RoleEvent::SimultaneousChanged => {
                    exports.simultaneous_changed = Some(typed(store, instance, index)?);
                }
            }
        }
        Ok(exports)
    }
}

/// Calls the handlers for what comes over the line, each beside the others. Resolves only when a call fails.
pub(crate) async fn hear(
    accessor: &Accessor<Sandbox>,
    exports: &EventExports,
    mut listener: Listener,
    phase: &Mutex<Phase>,
) -> wasmtime::Error {
    // At most one of each event: the teller sees to that.
    let mut calls = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(called) = calls.next(), if !calls.is_empty() => {
                if let Err(error) = called {
                    return error;
                }
            }
            question = listener.next() => calls.push(answer(accessor, exports, question, phase)),
        }
    }
}

async fn answer(
    accessor: &Accessor<Sandbox>,
    exports: &EventExports,
    question: Question,
    phase: &Mutex<Phase>,
) -> wasmtime::Result<()> {
    match question {
        Question::Changing(changes, answering) => {
            let Some(handler) = &exports.changing else { return Ok(()) };
            let Some(answering) = begin(answering, phase) else { return Ok(()) };
            let (verdict,) = handler.call_concurrent(accessor, (lower(changes),)).await?;
            answering.answer(verdict.into());
        }
        Question::StatusCheck(answering) => {
            let Some(handler) = &exports.status_check else { return Ok(()) };
            let Some(answering) = begin(answering, phase) else { return Ok(()) };
            let (status,) = handler.call_concurrent(accessor, ()).await?;
            answering.answer(status.into());
        }
        Question::Changed(changes, answering) => {
            tell(accessor, exports.changed.as_ref(), changes, answering, phase).await?;
        }
        Question::SimultaneousChanging(changes, answering) => {
            tell(accessor, exports.simultaneous_changing.as_ref(), changes, answering, phase).await?;
        }
        Question::SimultaneousChanged(changes, answering) => {
            tell(accessor, exports.simultaneous_changed.as_ref(), changes, answering, phase).await?;
        }
    }
    enter(phase, Phase::Run);
    Ok(())
}

async fn tell(
    accessor: &Accessor<Sandbox>,
    handler: Option<&News>,
    changes: Vec<Change>,
    answering: Answering<()>,
    phase: &Mutex<Phase>,
) -> wasmtime::Result<()> {
    let Some(handler) = handler else { return Ok(()) };
    let Some(answering) = begin(answering, phase) else { return Ok(()) };
    handler.call_concurrent(accessor, (lower(changes),)).await?;
    answering.answer(());
    Ok(())
}

fn begin<T>(mut answering: Answering<T>, phase: &Mutex<Phase>) -> Option<Answering<T>> {
    if !answering.begin() {
        return None;
    }
    enter(phase, Phase::Event(answering.event()));
    Some(answering)
}

fn lower(changes: Vec<Change>) -> Vec<wit::Change> {
    let lower = |change| match change {
        Change::ConfigurationSetting(name) => wit::Change::ConfigurationSetting(name),
        Change::Topology(role) => wit::Change::Topology(role),
    };
    changes.into_iter().map(lower).collect()
}

impl From<wit::Verdict> for Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        match verdict {
            wit::Verdict::Accept => Self::Accept,
            wit::Verdict::Recycle => Self::Recycle,
        }
    }
}

impl From<wit::Status> for Readiness {
    fn from(status: wit::Status) -> Self {
        match status {
            wit::Status::Ready => Self::Ready,
            wit::Status::Busy => Self::Busy,
        }
    }
}
