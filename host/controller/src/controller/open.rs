//! Opening a host: its folder is taken, and everything that was there is brought back.

use std::sync::Arc;

use wasm_roles_control_interface::Detail;

use super::{Controller, recover};
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

impl Controller {
    /// Opens a host, and brings back what its data folder has. When this returns, every deployment of the folder is started, or
    /// has failed to: its status says why, and so does the list of problems.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. What is wrong with single deployments is none of it.
    pub async fn open(options: HostOptions) -> Result<(Self, Vec<Detail>), OpenError> {
        Self::open_with(options, Failpoint::default()).await
    }

    pub(crate) async fn open_with(
        options: HostOptions,
        failpoint: Failpoint,
    ) -> Result<(Self, Vec<Detail>), OpenError> {
        let lock = match options.data_dir.clone() {
            None => None,
            Some(folder) => {
                let taking = tokio::task::spawn_blocking(move || HostLock::take(&folder));
                Some(taking.await.map_err(|error| OpenError::Broken(error.to_string()))??)
            }
        };
        let host = Arc::new(Host::new(options, lock, failpoint));
        recover::everything(&host).await.map_err(OpenError::Broken)?;
        let problems = host.problems(None);
        Ok((Self(host), problems))
    }
}
