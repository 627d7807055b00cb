//! A role's own unit tests, on the developer's machine and without a host.
//!
//! [`TestEnvironment`] says what the service definition and the configuration would say: the role, its instances, their
//! endpoints, settings, local storage. Installed, it answers [`RoleEnvironment`](crate::RoleEnvironment) on the thread of
//! the test, with the visibility rule that the fabric has too, until [`Installed`] is dropped. Tests that run at the same
//! time each have a double of their own.
//!
//! A role is driven as the fabric drives it: [`Installed::start`] calls `on_start` and begins `run`; [`StartedRole`] has the
//! events, changes of the configuration, requests of a web role, and the stop.
//!
//! # Time
//!
//! [`sleep`](crate::sleep) and [`timeout`](crate::timeout) go by a clock of the double's own. It stands still while the role has something
//! to do, and jumps to the next thing that somebody waits for: a day takes no time at all. `std::time` and
//! `std::thread::sleep` know nothing of it.
//!
//! # What is not there
//!
//! Sockets: [`net`](crate::net) fails with `Unsupported`. Limits and quotas. Whoever calls `RoleEnvironment`, `sleep` or
//! `spawn` on a thread without a double gets a panic that says so.
//!
//! # An example
//!
//! ```
//! use std::time::Duration;
//! use wasm_roles_sdk::testing::{DefinedRole, TestEnvironment};
//! use wasm_roles_sdk::{Change, Protocol, Role, RoleEnvironment, RoleResult, Verdict, sleep};
//!
//! /// Asks for a fresh start when it has sent as many letters as `Letters` says.
//! #[derive(Default)]
//! struct Postman;
//!
//! impl Role for Postman {
//!     async fn run(&self) -> RoleResult {
//!         let letters: u32 = RoleEnvironment::setting("Letters")?.parse()?;
//!         for _ in 0..letters {
//!             sleep(Duration::from_secs(60)).await;
//!         }
//!         RoleEnvironment::request_recycle();
//!         loop {
//!             sleep(Duration::from_secs(3600)).await;
//!         }
//!     }
//!
//!     async fn changing(&self, changes: Vec<Change>) -> Verdict {
//!         let letters = changes.contains(&Change::ConfigurationSetting("Letters".to_owned()));
//!         if letters { Verdict::Recycle } else { Verdict::Accept }
//!     }
//! }
//!
//! let environment = TestEnvironment::new(DefinedRole::new("Postman").instances(2))
//!     .role(DefinedRole::new("Office").internal_endpoint("Counter", Protocol::Tcp, 9000))
//!     .setting("Letters", "3")
//!     .setting("Greeting", "hello")
//!     .install();
//!
//! let counter = RoleEnvironment::role("Office").unwrap().instances[0].endpoint("Counter").unwrap().clone();
//! assert_eq!(counter.port, 9000);
//!
//! let postman = environment.start::<Postman>().expect("nothing keeps it from starting");
//! environment.pass(Duration::from_secs(179));
//! assert_eq!(environment.recycle_requests(), 0);
//! environment.pass(Duration::from_secs(1));
//! assert_eq!(environment.recycle_requests(), 1);
//!
//! assert_eq!(postman.change_settings(&[("Greeting", "good day")]), Verdict::Accept);
//! assert_eq!(RoleEnvironment::setting("Greeting").unwrap(), "good day");
//! assert_eq!(postman.change_settings(&[("Letters", "5")]), Verdict::Recycle);
//! postman.stop();
//! ```

pub(crate) mod answers;
mod definition;
mod environment;
mod executor;
mod request;
mod started;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;

pub use definition::DefinedRole;
pub use environment::{Installed, TestEnvironment};
pub use request::HttpRequest;
pub use started::{EVENT_DEADLINE, STOP_BUDGET, StartedRole};
