//! TCP inside the deployment: what the service definition grants, and nothing else.
//!
//! A role may listen on the ports of its declared endpoints, and connect to the endpoints of other instances as the traffic
//! rules allow; loopback is private to the instance. Names of the deployment resolve: `<role>`, `<instance id>`
//! and `<n>.<role>`. Errors are [`std::io::Error`]; what the definition does not grant is
//! [`PermissionDenied`](std::io::ErrorKind::PermissionDenied), an endpoint that nobody listens on is
//! [`ConnectionRefused`](std::io::ErrorKind::ConnectionRefused).
//!
//! Reads and `accept` may be dropped at any time, by [`timeout`](crate::timeout) for example: what had already arrived
//! is there for the next call. Of a write that is dropped, any part may have been sent.
//!
//! There is no network in a role's unit tests: there, `bind`, `connect` and `resolve` fail with
//! [`Unsupported`](std::io::ErrorKind::Unsupported).

mod address;
mod error;
mod listener;
mod read;
mod stream;

pub use address::{Destination, resolve};
pub use listener::TcpListener;
pub use stream::{ReadHalf, TcpStream, WriteHalf};
