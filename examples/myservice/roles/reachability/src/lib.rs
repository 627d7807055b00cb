//! Who can reach whom in a service, found out from inside.
//!
//! An instance can only try its own connections. So every instance answers a question on its internal endpoints:
//! "what do you reach, and what do those say whom you reach and who have not been asked yet?" ([`protocol`]). The
//! question names the roles that have been visited; that way it comes to every role that can be reached by any way at all,
//! and comes to an end. Everything has a limit: lengths, times, the number of questions at once.

mod collect;
mod html;
mod json;
mod probe;
pub mod protocol;
mod report;
mod respond;
mod row;

pub use report::{Format, Report};
pub use respond::Responder;
pub use row::{Outcome, Row};
