//! Opening a host: its folder is taken and read, and everything that was there is brought back.

use std::sync::Arc;

use wasm_roles_control_interface::Detail;

use super::Controller;
use super::recover::{self, ToStart};
use crate::failpoint::Failpoint;
use crate::host::{Host, HostOptions};
use crate::lock::{DataDirError, HostLock};

/// A host cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The runtime of this process shuts down.
    #[error("the data folder cannot be read: {0}")]
    Broken(String),
}

impl OpenError {
    /// What the user can do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DataDir(error) => Some(error.hint()),
            Self::Broken(_) => None,
        }
    }
}

/// What a host has still to bring back. Dropped, it is not brought back until the host is started again.
pub struct Recovery {
    host: Arc<Host>,
    to_start: Vec<ToStart>,
}

impl Recovery {
    /// How many deployments there are to start.
    #[must_use]
    pub const fn deployments(&self) -> usize {
        self.to_start.len()
    }

    /// Starts them. When this returns, each is started or has failed to: its status says why, and so does the list of problems.
    pub async fn finish(self) -> Vec<Detail> {
        let Self { host, to_start } = self;
        recover::all(&host, to_start).await;
        host.recovers(false);
        host.problems(None)
    }
}

impl Controller {
    /// Opens a host, and brings back what its data folder has: [`begin`](Self::begin), and then [`Recovery::finish`].
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. What is wrong with single deployments is none of it.
    pub async fn open(options: HostOptions) -> Result<(Self, Vec<Detail>), OpenError> {
        Self::open_with(options, Failpoint::default()).await
    }

    /// Opens a host: its data folder is taken and read. What is to be brought back can be seen from now on, and changed when that is
    /// done.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn begin(options: HostOptions) -> Result<(Self, Recovery), OpenError> {
        Self::begin_with(options, Failpoint::default()).await
    }

    pub(crate) async fn open_with(
        options: HostOptions,
        failpoint: Failpoint,
    ) -> Result<(Self, Vec<Detail>), OpenError> {
        let (controller, recovery) = Self::begin_with(options, failpoint).await?;
        let problems = recovery.finish().await;
        Ok((controller, problems))
    }

    pub(crate) async fn begin_with(
        options: HostOptions,
        failpoint: Failpoint,
    ) -> Result<(Self, Recovery), OpenError> {
        let lock = match options.data_dir.clone() {
            None => None,
            Some(folder) => {
                let taking = tokio::task::spawn_blocking(move || HostLock::take(&folder));
                Some(taking.await.map_err(|error| OpenError::Broken(error.to_string()))??)
            }
        };
        let host = Arc::new(Host::new(options, lock, failpoint));
        let to_start = recover::found(&host).await.map_err(OpenError::Broken)?;
        host.recovers(!to_start.is_empty());
        Ok((Self(Arc::clone(&host)), Recovery { host, to_start }))
    }
}
