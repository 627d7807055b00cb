//! Words for people. Lines of guests go to standard output, everything else to standard error.

use std::collections::BTreeSet;
use std::time::Duration;

use wasm_roles_fabric::{Event, EventKind, Status, StopSummary};
use wasm_roles_service_plan::InstanceId;

use super::color::paint;
use super::lines::GuestLines;
use super::{Progress, Started, Words, denial, table};
use crate::printer::Page;

/// Instances that are named one by one; the others are counted.
const NAMED: usize = 6;

/// Words for people.
pub struct Plain {
    lines: GuestLines,
    colored: bool,
    /// Instances whose next Ready is news, because they were recycled.
    recycled: BTreeSet<InstanceId>,
}

impl Plain {
    pub const fn new(lines: GuestLines, colored: bool) -> Self {
        Self { lines, colored, recycled: BTreeSet::new() }
    }

    /// A line of this program about `subject`; further lines are indented.
    fn say(&self, subject: &str, words: &[String]) -> Page {
        let mut text = String::new();
        for (number, line) in words.iter().enumerate() {
            if number == 0 {
                // Bright, so that it stands out among the guests' lines.
                let subject =
                    if self.colored { format!("\x1b[1m{subject}\x1b[0m") } else { subject.to_owned() };
                text.push_str(&format!("{subject} * {line}\n"));
            } else {
                text.push_str(&format!("    {line}\n"));
            }
        }
        Page::err(text)
    }

    fn say_one(&self, subject: &str, words: String) -> Page {
        self.say(subject, &[words])
    }
}

impl Words for Plain {
    fn started(&mut self, started: &Started<'_>) -> Page {
        Page::err(table::table(started))
    }

    fn event(&mut self, event: &Event) -> Option<Page> {
        let page = match &event.kind {
            EventKind::Output { instance, line, .. } => Page::out(self.lines.line(instance.as_str(), line)),
            EventKind::StatusChanged { instance, status: Status::Ready } => {
                if !self.recycled.remove(instance) {
                    return None; // the line that all are Ready is to come
                }
                self.say_one(instance.as_str(), "is Ready again".to_owned())
            }
            EventKind::Recycling { instance, attempt, delay, reason } => {
                self.recycled.insert(instance.clone());
                let row = if *attempt > 1 { format!(" (recycle {attempt} in a row)") } else { String::new() };
                self.say_one(
                    instance.as_str(),
                    format!("{reason}; starts again in {} s{row}", delay.as_secs()),
                )
            }
            EventKind::Denied(denied) => self.say(&denied.denial.subject_id, &denial::lines(denied)),
            EventKind::DenialsSilenced { instance } => self
                .say_one(instance, "denied many different things; further ones are only counted".to_owned()),
            EventKind::NoReadyInstance { port, role, connections } => {
                let closed = counted(*connections, "connection was", "connections were");
                self.say_one(
                    &format!("public port {port}"),
                    format!("{closed} closed: no instance of {role} is ready to take them"),
                )
            }
            EventKind::AcceptFailed { port, reason } => {
                self.say_one(&format!("public port {port}"), format!("takes no connections now: {reason}"))
            }
            EventKind::LeftOut { events } => {
                self.say_one("wasm-roles", format!("left out {}", counted(*events, "event", "events")))
            }
            // Of the changes of status only that to Ready is news; an end is told with what comes after it.
            _ => return None,
        };
        Some(page)
    }

    fn progress(&mut self, _: Duration, progress: &Progress) -> Page {
        let words = match progress {
            Progress::AllReady(1) => "The instance is Ready".to_owned(),
            Progress::AllReady(count) => format!("All {count} instances are Ready"),
            Progress::Stopping(waiting, budget) => format!(
                "Stopping: waiting for {}, at most {} s. Ctrl-C again ends it at once.",
                named(waiting),
                budget.as_secs()
            ),
            Progress::StillWaiting(waiting) => format!("Still waiting for {}", named(waiting)),
            Progress::Stopped(summary) => stopped(summary),
        };
        let words = if self.colored { paint(&words, 2) } else { words };
        Page::err(format!("{words}\n"))
    }
}

fn stopped(summary: &StopSummary) -> String {
    let cut_off: Vec<InstanceId> = summary.cut_off().cloned().collect();
    if cut_off.is_empty() {
        return "Stopped".to_owned();
    }
    format!("Stopped; cut off, because the time to stop was over: {}", named(&cut_off))
}

fn named(instances: &[InstanceId]) -> String {
    let some: Vec<&str> = instances.iter().take(NAMED).map(InstanceId::as_str).collect();
    match instances.len().saturating_sub(NAMED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_service_plan::RoleName;

    fn ids(count: u32) -> Vec<InstanceId> {
        let role = RoleName::new("Web").unwrap();
        (0..count).map(|ordinal| InstanceId::new(&role, ordinal)).collect()
    }

    fn said(kind: EventKind, plain: &mut Plain) -> Option<String> {
        let page = plain.event(&Event { time: Duration::ZERO, kind })?;
        Some(String::from_utf8(page.bytes).unwrap())
    }

    #[test]
    fn a_recycle_says_why_and_when_and_that_it_is_over() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let instance = ids(1).remove(0);
        let ready = EventKind::StatusChanged { instance: instance.clone(), status: Status::Ready };
        assert_eq!(said(ready.clone(), &mut plain), None);
        let recycling = |attempt, seconds| EventKind::Recycling {
            instance: instance.clone(),
            attempt,
            delay: Duration::from_secs(seconds),
            reason: "run returned".to_owned(),
        };
        let first = said(recycling(1, 1), &mut plain).unwrap();
        assert_eq!(first, "Web_IN_0 * run returned; starts again in 1 s\n");
        let third = said(recycling(3, 4), &mut plain).unwrap();
        assert_eq!(third, "Web_IN_0 * run returned; starts again in 4 s (recycle 3 in a row)\n");
        assert_eq!(said(ready.clone(), &mut plain).unwrap(), "Web_IN_0 * is Ready again\n");
        assert_eq!(said(ready, &mut plain), None);
    }

    #[test]
    fn many_instances_are_counted_and_not_named() {
        assert_eq!(named(&ids(2)), "Web_IN_0, Web_IN_1");
        assert!(named(&ids(8)).ends_with("Web_IN_5 and 2 more"));
    }
}
