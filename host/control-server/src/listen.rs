//! Why a server cannot listen.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::tokens::TokenError;

/// A server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another program serves the socket.
    #[error("another host serves the control socket {}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// There is a file that is no socket.
    #[error("the control socket cannot be made: {} is something else", path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// Others than the user may enter the folder of the socket, or it is somebody else's.
    #[error("the folder {} of the control socket is not the user's alone", folder.display())]
    FolderNotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// The operating system refuses the socket.
    #[error("the control socket {} cannot be made: {source}", path.display())]
    Socket {
        /// The socket or its folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system refuses the address.
    #[error("the control interface cannot listen on {at}: {source}")]
    Address {
        /// The address.
        at: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// There are no tokens for those who come over TCP.
    #[error(transparent)]
    Tokens(#[from] TokenError),
}

impl ListenError {
    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { .. } => Some("use that host, or name another socket".to_owned()),
            Self::NotASocket { path } => Some(format!("remove {}, or name another socket", path.display())),
            Self::FolderNotPrivate { folder } => Some(format!(
                "give it mode 0700 (chmod 700 {}), or name a socket elsewhere",
                folder.display()
            )),
            Self::Address { .. } => Some("name another address or port".to_owned()),
            Self::Socket { path, .. } => Some(format!(
                "let the user make files in the folder of {}, or name another socket",
                path.display()
            )),
            Self::Tokens(error) => Some(error.hint()),
        }
    }
}
