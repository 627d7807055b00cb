//! Places where a test stops the host as if it had been killed. Outside of tests there are none.

#[cfg(test)]
use std::sync::Arc;

/// Where a host stops for ever; nowhere, usually.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failpoint {
    #[cfg(test)]
    at: Option<Arc<At>>,
}

#[cfg(test)]
#[derive(Debug)]
struct At {
    name: &'static str,
    reached: tokio::sync::Notify,
}

impl Failpoint {
    /// Goes on, or, at the place where the test wants it, never.
    #[cfg_attr(not(test), allow(clippy::unused_async, reason = "tests wait here"))]
    pub(crate) async fn reach(&self, _name: &'static str) {
        #[cfg(test)]
        if let Some(at) = self.at.as_ref().filter(|at| at.name == _name) {
            at.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
impl Failpoint {
    pub(crate) fn at(name: &'static str) -> Self {
        Self { at: Some(Arc::new(At { name, reached: tokio::sync::Notify::new() })) }
    }

    /// Waits until the host has stopped there.
    pub(crate) async fn reached(&self) {
        if let Some(at) = &self.at {
            at.reached.notified().await;
        }
    }
}
