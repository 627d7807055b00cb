//! What answers the requests that no file answers.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

use crate::server::{RequestBody, Ticket};

/// What a body ends in when it is not complete.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Answers requests. Every connection of a server has the same one.
///
/// A request is in one form however it came: its URI has scheme, authority, path and query, and it has exactly one `Host`
/// header, which says the same as the authority. What the server says about the client is in its headers.
pub trait Application: Send + Sync + 'static {
    /// The body of its responses. One that ends in an error breaks the connection, so that nobody takes a part
    /// for the whole.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// The response to a request. It always has one, if only to say that there is none.
    ///
    /// The future is dropped when the client has gone, or has waited too long and got another answer.
    fn answer(
        &self,
        request: Request<RequestBody>,
        ticket: Ticket,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
