//! Requests and answers of a web role.
//!
//! The fabric serves HTTP on the role's http endpoints and calls [`HttpHandler::handle`] for each request, many at a time.
//! Bodies are whole byte vectors in both directions.

mod background;
mod handler;
mod method;
mod request;
mod response;

pub use handler::HttpHandler;
pub use method::Method;
pub use request::{BodyError, Request};
pub use response::Response;
