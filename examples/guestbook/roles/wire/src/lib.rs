//! What the roles of the guestbook say to each other: one line of question, some lines of answer, over TCP.
//!
//! ```text
//! to the entries   add   <name> <text>                  added 17 | refused <why>
//!                  list  <number> <how many>            entry <number> <seconds> <name> <text> …, end
//! to the checker   check <name> <text>                  fine | refused <why>
//! ```
//!
//! Fields are separated by tabs ([`line`]). Whoever reads a line makes its values anew with their own rules ([`Draft::new`]), so
//! that no role has to trust another one: a text that is too long for the form is too long for the entries, too.

mod ask;
pub mod book;
pub mod check;
mod draft;
pub mod line;
mod serve;

pub use ask::Asker;
pub use draft::{Draft, DraftError, MAX_NAME, MAX_TEXT};
pub use serve::LineServer;

/// The longest question, in bytes: the longest draft, of the longest characters, each of them escaped.
pub const MAX_QUESTION: usize = 8 * 1024;

/// The longest answer, in bytes: a page of the longest entries.
pub const MAX_ANSWER: usize = 256 * 1024;
