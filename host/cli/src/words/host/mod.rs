//! What a host says, in words for people. For programs its answers are printed as they are.

mod info;
mod list;
mod operation;
mod public_ports;
mod refusal;
mod status;
mod stream;
mod top;

pub use info::info;
pub use list::list;
pub use operation::{begun, ended, failed, progress, waits};
pub use public_ports::public_ports;
pub use refusal::{in_words, refused};
pub use status::status;
pub use stream::event;
pub use top::top;
