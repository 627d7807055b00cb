//! The place of a request in the application's queue.

use std::sync::Arc;

use super::exchange::Exchange;

/// The place of one request in the application's queue.
#[derive(Debug)]
pub struct Ticket(Arc<Exchange>);

impl Ticket {
    pub(super) fn new(exchange: Arc<Exchange>) -> Self {
        Self(exchange)
    }

    /// The application begins with the request. False: it has waited too long, its client has another answer or is
    /// gone, and there is nothing to do.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.0.begin()
    }
}
