//! One role instance on wasmtime.
//!
//! A role is a WebAssembly component. This crate compiles it ([`Runtime::load`]), tells what kind of
//! role it is ([`RoleShape`]) and runs one incarnation of one instance of it ([`start`]): from `on-start`
//! over Ready and `run` to `on-stop`. Everything that the instance may touch is handed to it in its
//! [`InstanceSpec`]: its virtual network interface, its directories, its settings, its clock and
//! its random numbers. It gets nothing else from the machine.
//!
//! ```text
//! start -> Starting (on-start) -> Ready (run, requests) -> Stopping (drain, stopping, on-stop) -> Ended
//! ```
//!
//! The life of an instance goes this way once. Whoever runs instances (the fabric) decides whether
//! and when the next incarnation starts, from the [`End`] of this one. An incarnation that traps, spins, floods
//! its output or asks for too much memory ends or waits by itself; it never takes another one with it.
//!
//! | a component exports | it is | its Run |
//! |---|---|---|
//! | `wasm-roles:role/entry-point` | a role with the full life cycle | `run` |
//! | `wasi:cli/run` 0.2 or 0.3 | any program | the program |
//! | `wasi:http/incoming-handler` 0.2 or `wasi:http/handler` 0.3 | a web role, with either of the above or alone | the requests |

mod compiled;
mod component;
mod control;
mod cpu;
mod end;
mod engine;
mod environment;
mod events;
mod exports;
mod http;
mod inspect;
mod instance;
mod life;
mod limits;
mod linker;
mod loaded;
mod output;
mod program;
mod sandbox;
mod storage;
mod surroundings;
mod time_and_chance;
mod wires;

pub use compiled::{CompileNews, DEFAULT_CACHE_BYTES, Digest as ComponentDigest};
pub use component::{LoadError, MAX_COMPONENT_BYTES, RoleComponent, RoleShape, WasiVersion, read_component};
pub use control::InstanceState;
pub use cpu::ProcessorTime;
pub use end::{End, Phase};
pub use engine::{CompileListener, Runtime, RuntimeError, RuntimeOptions};
pub use environment::{
    EndpointKind, EndpointView, EnvironmentView, InstanceView, LocalResourceView, Protocol, RoleView,
};
pub use events::{
    Change, DEADLINE as EVENT_DEADLINE, HEARING as EVENT_HEARING, Outcome, Readiness, RoleEvent, Teller,
    Verdict,
};
pub use http::TrustedRoots;
pub use http::{WebInstances, WebSpec};
pub use inspect::{Broken, Export, ExportedFunction, Form, Import, Inspection, Refusal, Use};
pub use instance::{InstanceSpec, Preopen, RunningInstance, start, start_within};
pub use limits::{Limits, ReachedLimit};
pub use output::{Line, OutputPipe, OutputReader, OutputTail, Written};
pub use program::{ProgramEnd, run_program};
pub use surroundings::Surroundings;
pub use time_and_chance::{Clock, Seed};
pub use wires::Wires;
