//! What the server says about the client, in the headers of its request.

mod forwarded;
mod request_id;

pub(crate) use forwarded::ClientHeaders;
pub(crate) use request_id::{RequestIds, X_REQUEST_ID};
