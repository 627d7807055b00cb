//! Events and lines of a deployment, as streams of the interface.

use std::collections::VecDeque;
use std::sync::Arc;

use wasm_roles_control_interface::{
    DeploymentRef, EndOfStream, EventLine, JournalQuery, LogLine, Refusal, RefusalCode, Streamed, TenantName,
};

use super::Controller;
use crate::host::Host;
use crate::journal::{Follow, Journal, Told};
use crate::unit::Unit;
use crate::words::{shown, some_of};

impl Controller {
    /// What happened to a deployment.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub fn events(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        query: &JournalQuery,
    ) -> Result<Lines<EventLine>, Refusal> {
        let unit = self.0.find(tenant, who)?;
        known(&unit, query)?;
        Ok(Lines::new(&self.0, &unit.events, query))
    }

    /// What the guests of a deployment wrote.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`].
    pub fn logs(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        query: &JournalQuery,
    ) -> Result<Lines<LogLine>, Refusal> {
        let unit = self.0.find(tenant, who)?;
        known(&unit, query)?;
        Ok(Lines::new(&self.0, &unit.logs, query))
    }
}

/// Whether there is, or was, somebody of whom lines are asked for.
fn known(unit: &Unit, query: &JournalQuery) -> Result<(), Refusal> {
    let (Some(of), Some(seen)) = (&query.of, unit.seen()) else { return Ok(()) };
    let roles: Vec<&str> = seen.plan.roles.iter().map(|role| role.name.as_str()).collect();
    // Instances come and go, and their lines stay.
    let role = of.rsplit_once("_IN_").map(|(role, _)| role);
    if roles.contains(&of.as_str()) || role.is_some_and(|role| roles.contains(&role)) {
        return Ok(());
    }
    let message = format!("{} has no role or instance {}", unit.who(), shown(of));
    Err(Refusal::new(RefusalCode::NotFound, message).hint(format!("the roles are {}", some_of(roles))))
}

/// A line that is about somebody.
pub trait About {
    /// Whether it is about this role or instance.
    fn is_of(&self, name: &str) -> bool;
}

impl About for LogLine {
    fn is_of(&self, name: &str) -> bool {
        self.instance == name || self.role == name
    }
}

impl About for EventLine {
    fn is_of(&self, name: &str) -> bool {
        [&self.instance, &self.role].into_iter().flatten().any(|of| of == name)
    }
}

/// A stream of lines. It ends with [`Streamed::End`], after which nothing comes.
pub struct Lines<T> {
    host: Arc<Host>,
    /// The last lines that were there in the beginning, when only these are wanted.
    first: VecDeque<Arc<T>>,
    follow: Follow<T>,
    of: Option<String>,
    goes_on: bool,
}

impl<T: About> Lines<T> {
    fn new(host: &Arc<Host>, journal: &Journal<T>, query: &JournalQuery) -> Self {
        let mut lines = Self {
            host: Arc::clone(host),
            first: VecDeque::new(),
            follow: journal.follow(query.after),
            of: query.of.clone(),
            goes_on: query.follow,
        };
        if let Some(last) = query.last {
            let last = usize::try_from(last).unwrap_or(usize::MAX);
            while let Some(told) = lines.follow.try_next() {
                if let Told::Entry(line) = told
                    && lines.wants(&line)
                {
                    lines.first.push_back(line);
                    if lines.first.len() > last {
                        lines.first.pop_front();
                    }
                }
            }
        }
        lines
    }

    fn wants(&self, line: &T) -> bool {
        self.of.as_ref().is_none_or(|of| line.is_of(of))
    }

    /// The next one; waits for it if the stream goes on. It can be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Streamed<Arc<T>> {
        if let Some(line) = self.first.pop_front() {
            return Streamed::Line(line);
        }
        loop {
            let told = if self.goes_on { self.follow.next().await } else { self.follow.try_next() };
            match told {
                Some(Told::Entry(line)) if !self.wants(&line) => {}
                Some(Told::Entry(line)) => return Streamed::Line(line),
                Some(Told::Missed(missed)) => return Streamed::Gap { missed },
                None => return Streamed::End { reason: self.reason() },
            }
        }
    }

    fn reason(&self) -> EndOfStream {
        match (self.goes_on, self.host.still_open()) {
            (false, _) => EndOfStream::Complete,
            (true, Ok(())) => EndOfStream::Deleted,
            (true, Err(_)) => EndOfStream::Stopping,
        }
    }
}
