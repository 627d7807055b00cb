//! Files that are copied into the data folder while a deployment starts.
//!
//! The copying blocks, on threads of its own that nothing can call back. A start that is given up asks them to end, and waits until
//! they have: whoever removes the data folder then has it to himself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// All copying of one start.
pub(crate) struct Copies {
    handle: Copying,
    /// Ends when nobody copies any more.
    ended: mpsc::Receiver<()>,
}

/// What somebody holds who copies.
#[derive(Clone)]
pub(crate) struct Copying {
    given_up: Arc<AtomicBool>,
    _alive: mpsc::Sender<()>,
}

impl Copies {
    pub(crate) fn new() -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self { handle: Copying { given_up: Arc::default(), _alive: alive }, ended }
    }

    /// Runs `copy`, which blocks.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        copy: impl FnOnce(&Copying) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let handle = self.handle.clone();
        spawn_blocking(move || copy(&handle))
    }

    /// Asks everybody to end, and waits until they have.
    pub(crate) async fn give_up(self) {
        let Self { handle, mut ended } = self;
        handle.given_up.store(true, Ordering::Relaxed);
        drop(handle);
        while ended.recv().await.is_some() {}
    }
}

impl Copying {
    /// Whether nobody wants the copy any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc as threads;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn giving_up_tells_who_copies_and_waits_until_nobody_does() {
        let copies = Copies::new();
        let (go_on, going_on) = threads::channel::<()>();
        let copying = copies.spawn(move |copying| {
            while !copying.is_given_up() {
                std::thread::yield_now();
            }
            going_on.recv().unwrap_err();
        });
        drop(copying);
        let mut giving_up = std::pin::pin!(copies.give_up());
        let early = timeout(Duration::from_millis(1), giving_up.as_mut()).await;
        assert!(early.is_err(), "somebody still copies");
        drop(go_on);
        giving_up.await;
    }

    #[tokio::test]
    async fn where_nobody_copies_nobody_is_waited_for() {
        let copies = Copies::new();
        assert_eq!(copies.spawn(|copying| copying.is_given_up()).await.ok(), Some(false));
        copies.give_up().await;
    }
}
