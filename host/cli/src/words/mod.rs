//! What is printed: about a running service, for people ([`plain`]) or for programs ([`json`]); about its files
//! ([`problems`]) and its plan ([`plan`]); about what a host holds ([`host`]).

mod age;
pub mod building;
mod clean;
mod color;
mod columns;
mod denial;
pub mod host;
pub mod inspection;
mod json;
mod lines;
mod plain;
pub mod plan;
pub mod problems;
mod table;
pub mod terminal;
mod watch;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use clean::clean;
pub use lines::GuestLines;
use wasm_roles_fabric::{Event, Published, StopSummary};
use wasm_roles_service_plan::{InstanceId, MissingRules, Plan};

use crate::arguments::{LogFormat, RunArguments};
use crate::printer::Page;
use crate::watch::News;

/// Turns what happens into pages.
pub trait Words: Send {
    /// The service is being started.
    fn started(&mut self, started: &Started<'_>) -> Page;
    /// Something happened; none when it is not worth a word.
    fn event(&mut self, event: &Event) -> Option<Page>;
    /// The service as a whole got on.
    fn progress(&mut self, time: Duration, progress: &Progress) -> Page;
}

/// A service at its start.
pub struct Started<'a> {
    pub time: Duration,
    pub plan: &'a Plan,
    pub deployment_id: &'a str,
    /// The configuration file; none when there is none.
    pub configuration: Option<&'a str>,
    pub published: &'a [Published],
    /// The folder with local storage, if it is there after the run.
    pub kept: Option<&'a Path>,
}

/// How the service as a whole gets on.
pub enum Progress {
    /// All instances are Ready, so many.
    AllReady(usize),
    /// These instances were asked to stop; each has so long.
    Stopping(Vec<InstanceId>, Duration),
    /// These instances have not stopped yet.
    StillWaiting(Vec<InstanceId>),
    /// All instances have stopped.
    Stopped(StopSummary),
    /// What the definition lacks for what the service did while its policy was only logged.
    MissingRules(MissingRules),
    /// This host policy lies beside the definition, and was not read.
    HostPolicyUnread(PathBuf),
    /// The capture lacks so many packets, since the disk was too slow for them.
    CaptureLacks(u64),
    /// Something was saved, or came of it.
    Watch(News),
}

/// The words that the arguments ask for.
pub fn of(arguments: &RunArguments, plan: &Plan) -> Box<dyn Words> {
    if arguments.log_format == LogFormat::Json {
        return Box::new(json::Json);
    }
    let lines = if arguments.no_prefix {
        lines::GuestLines::raw()
    } else {
        let ids = plan.instances.iter().map(|instance| instance.id.as_str());
        lines::GuestLines::prefixed(ids, colored_output())
    };
    Box::new(plain::Plain::new(lines, colored_diagnostics()))
}

/// Whether words on standard output are coloured.
pub fn colored_output() -> bool {
    color::wanted(std::io::stdout().is_terminal())
}

/// Whether words on standard error are coloured.
pub fn colored_diagnostics() -> bool {
    color::wanted(std::io::stderr().is_terminal())
}
