//! Words for people. Lines of guests go to standard output, everything else to standard error.

use std::collections::BTreeSet;
use std::time::Duration;

use wasm_roles_fabric::{CONNECTION_WAIT, Event, EventKind, Status, StopSummary};
use wasm_roles_service_plan::{InstanceId, MissingRules, Port, TaskKind, Transport};

use super::clean::clean;
use super::color::paint;
use super::lines::GuestLines;
use super::{Progress, Started, Words, denial, table, watch};
use crate::printer::Page;

/// Instances that are named one by one; the others are counted.
const NAMED: usize = 6;

/// Words for people.
pub struct Plain {
    lines: GuestLines,
    colored: bool,
    /// Instances whose next Ready is news, because they were recycled.
    recycled: BTreeSet<InstanceId>,
    /// Instances and public ports whose next successful probe is news, because the last ones failed.
    failing: BTreeSet<(InstanceId, Port)>,
}

impl Plain {
    pub const fn new(lines: GuestLines, colored: bool) -> Self {
        Self { lines, colored, recycled: BTreeSet::new(), failing: BTreeSet::new() }
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
            EventKind::Output { instance, task, line, .. } => {
                Page::out(self.lines.line(instance.as_str(), task.as_deref(), line))
            }
            // Of a simple task its failure is the reason of a recycle, which is to come.
            EventKind::TaskEnded { instance, task, kind, end, .. }
                if *kind != TaskKind::Simple && !end.is_success() =>
            {
                let task = clean(task.as_bytes(), false);
                self.say_one(
                    instance.as_str(),
                    format!("start-up task {task} {end}; the role does not depend on it"),
                )
            }
            EventKind::StatusChanged { instance, status: Status::Ready } => {
                if !self.recycled.remove(instance) {
                    return None; // the line that all are Ready is to come
                }
                self.say_one(instance.as_str(), "is Ready again".to_owned())
            }
            EventKind::StatusChanged { instance, status: Status::Busy } => {
                self.recycled.insert(instance.clone());
                self.say_one(
                    instance.as_str(),
                    "is Busy; it takes no traffic until its next status check".to_owned(),
                )
            }
            EventKind::Recycling { instance, delay, recycled } => {
                self.recycled.insert(instance.clone());
                // The reason may be a guest's own words.
                let words = if recycled.times > 1 { recycled.to_string() } else { recycled.because.clone() };
                let words = clean(words.as_bytes(), false);
                self.say_one(instance.as_str(), format!("{words}; starts again in {} s", delay.as_secs()))
            }
            EventKind::EventMissed { instance, event, missed } => {
                self.say_one(instance.as_str(), format!("its handler of {event} {missed}"))
            }
            EventKind::ChangeRefused { instance } => {
                self.recycled.insert(instance.clone());
                self.say_one(
                    instance.as_str(),
                    "wants to be recycled for the change; starts again with it".to_owned(),
                )
            }
            EventKind::CertificatesChanged { instance } => {
                self.recycled.insert(instance.clone());
                self.say_one(
                    instance.as_str(),
                    "is recycled for its role's new certificates; starts again with them".to_owned(),
                )
            }
            EventKind::Denied(denied) => self.say(&denied.denial.subject_id, &denial::lines(denied)),
            EventKind::DenialsSilenced { instance } => self
                .say_one(instance, "denied many different things; further ones are only counted".to_owned()),
            EventKind::OutputDropped { instance, task, stream, lines } => {
                let subject = subject(instance, task.as_deref());
                let lines = format!("{} dropped", counted_lines(*lines));
                self.say_one(
                    &subject,
                    format!("{lines}: it writes more to {} than its log rate", stream.name()),
                )
            }
            EventKind::LimitReached { instance, task, limit } => {
                self.say_one(&subject(instance, task.as_deref()), format!("hit {limit}"))
            }
            EventKind::OutOfSockets { instance, limit } => {
                self.say_one(instance, format!("hit its limit of {limit} sockets"))
            }
            EventKind::OutOfHostSockets { instance, refusal } => {
                self.say_one(instance, format!("was refused a connection to the world outside: {refusal}"))
            }
            EventKind::ProbeFails { instance, probe, port, silence, failure } => {
                self.failing.insert((instance.clone(), *port));
                self.say_one(
                    instance.as_str(),
                    format!(
                        "has not answered probe {probe} for {} s: {failure}; gets no connections of public port {port}",
                        silence.as_secs()
                    ),
                )
            }
            EventKind::ProbeSucceeds { instance, probe, port } => {
                if !self.failing.remove(&(instance.clone(), *port)) {
                    return None;
                }
                self.say_one(
                    instance.as_str(),
                    format!("answers probe {probe}; gets connections of public port {port}"),
                )
            }
            EventKind::NoReadyInstance { port, role, connections } => {
                let refused = counted(*connections, "connection was", "connections were");
                self.say_one(
                    &format!("public port {port}"),
                    format!(
                        "{refused} refused: no instance of {role} could take them within {} s",
                        CONNECTION_WAIT.as_secs()
                    ),
                )
            }
            EventKind::HandshakesFailed { port, failure, connections } => {
                let failed = counted(*connections, "TLS handshake", "TLS handshakes");
                self.say_one(&format!("public port {port}"), format!("{failed} failed: {failure}"))
            }
            EventKind::Certificate(notice) => self.say_one("certificates", notice.to_string()),
            EventKind::DatagramsLost { port, role, loss, datagrams } => {
                let lost = counted(*datagrams, "datagram was", "datagrams were");
                self.say_one(
                    &format!("public port {port}"),
                    format!("{lost} lost between clients and {role}: {loss}"),
                )
            }
            EventKind::AcceptFailed { port, transport, reason } => {
                let what = match transport {
                    Transport::Tcp => "connections",
                    Transport::Udp => "datagrams",
                };
                self.say_one(&format!("public port {port}"), format!("takes no {what} now: {reason}"))
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
            Progress::AllReady(0) => "No role has an instance: there is nothing to wait for".to_owned(),
            Progress::AllReady(1) => "The instance is Ready".to_owned(),
            Progress::AllReady(count) => format!("All {count} instances are Ready"),
            Progress::Stopping(waiting, _) if waiting.is_empty() => "Stopping".to_owned(),
            Progress::Stopping(waiting, budget) => format!(
                "Stopping: waiting for {}, at most {} s. Ctrl-C again ends it at once.",
                named(waiting),
                budget.as_secs()
            ),
            Progress::StillWaiting(waiting) => format!("Still waiting for {}", named(waiting)),
            Progress::Stopped(summary) => stopped(summary),
            Progress::HostPolicyUnread(file) => {
                let file = clean(file.display().to_string().as_bytes(), false);
                let words = format!("{file} was not read; to grant what it says, add `--host-policy {file}`");
                return self.say_one("wasm-roles", words);
            }
            Progress::MissingRules(missing) => return missing_rules(missing),
            Progress::CaptureLacks(packets) => capture_lacks(*packets),
            Progress::Watch(news) => return self.say("watch", &watch::lines(news)),
        };
        let words = if self.colored { paint(&words, 2) } else { words };
        Page::err(format!("{words}\n"))
    }
}

fn capture_lacks(packets: u64) -> String {
    let packets = counted(packets, "packet", "packets");
    format!(
        "The capture lacks {packets}: the disk was too slow. Let `--capture` write to a faster one, or to memory."
    )
}

/// Not coloured, since people copy it.
fn missing_rules(missing: &MissingRules) -> Page {
    Page::err(format!(
        "The policy was logged and not enforced. This would allow what was seen:\n\n{missing}\n"
    ))
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

/// An instance, and its start-up task if it is about one. The task's name comes from the definition.
fn subject(instance: &InstanceId, task: Option<&str>) -> String {
    let task = task.map(|task| format!(", start-up task {}", clean(task.as_bytes(), false)));
    format!("{instance}{}", task.unwrap_or_default())
}

/// Such as `12,345 lines`.
fn counted_lines(lines: u64) -> String {
    let digits = lines.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if lines == 1 { "line" } else { "lines" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_fabric::virtual_network::outside::HostSocketRefusal;
    use wasm_roles_fabric::{OutputStream, ProbeFailure, ProgramEnd, ReachedLimit, Recycled};
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
        let recycling = |times, seconds| EventKind::Recycling {
            instance: instance.clone(),
            delay: Duration::from_secs(seconds),
            recycled: Recycled { times, because: "run re\x1bturned".to_owned(), last_words: Vec::new() },
        };
        let first = said(recycling(1, 1), &mut plain).unwrap();
        assert_eq!(first, "Web_IN_0 * run re\\u{1b}turned; starts again in 1 s\n");
        let third = said(recycling(3, 4), &mut plain).unwrap();
        assert_eq!(third, "Web_IN_0 * recycled 3 times, because run re\\u{1b}turned; starts again in 4 s\n");
        assert_eq!(said(ready.clone(), &mut plain).unwrap(), "Web_IN_0 * is Ready again\n");
        assert_eq!(said(ready, &mut plain), None);
    }

    #[test]
    fn a_failure_of_a_task_is_told_when_nothing_else_tells_it() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let mut ended = |kind, status| {
            let (instance, task) = (ids(1).remove(0), "log.cmd".into());
            let end = ProgramEnd::Exited { status };
            said(EventKind::TaskEnded { instance, task, kind, end, last_words: Vec::new() }, &mut plain)
        };
        let words = "Web_IN_0 * start-up task log.cmd ended with status 3; the role does not depend on it\n";
        assert_eq!(ended(TaskKind::Background, 3).unwrap(), words);
        assert_eq!(ended(TaskKind::Foreground, 3).unwrap(), words);
        assert_eq!(ended(TaskKind::Background, 0), None);
        assert_eq!(ended(TaskKind::Simple, 3), None);
    }

    #[test]
    fn what_a_limit_took_away_is_told_in_the_guests_place() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let instance = ids(1).remove(0);
        let dropped = |lines, task: Option<&str>| EventKind::OutputDropped {
            instance: instance.clone(),
            task: task.map(Into::into),
            stream: OutputStream::Stdout,
            lines,
        };
        let words = "Web_IN_0 * 12,345 lines dropped: it writes more to stdout than its log rate\n";
        assert_eq!(said(dropped(12_345, None), &mut plain).unwrap(), words);
        let words = "Web_IN_0, start-up task a\\u{1b}.cmd * 1 line dropped: it writes more to stdout than its log rate\n";
        assert_eq!(said(dropped(1, Some("a\x1b.cmd")), &mut plain).unwrap(), words);
        assert_eq!(counted_lines(1_234_567), "1,234,567 lines");
        let limit = ReachedLimit::Memory { bytes: 1_792 << 20 };
        let reached = EventKind::LimitReached { instance: instance.clone(), task: None, limit };
        assert_eq!(said(reached, &mut plain).unwrap(), "Web_IN_0 * hit its memory limit (1.75 GiB)\n");
        let sockets = EventKind::OutOfSockets { instance: "Web_IN_0".to_owned(), limit: 4096 };
        assert_eq!(said(sockets, &mut plain).unwrap(), "Web_IN_0 * hit its limit of 4096 sockets\n");
    }

    #[test]
    fn a_probe_that_fails_is_told_and_so_is_its_next_success() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let (instance, probe, port) = (ids(1).remove(0), "Page".to_owned(), Port::new(80).unwrap());
        let succeeds = EventKind::ProbeSucceeds { instance: instance.clone(), probe: probe.clone(), port };
        let (silence, failure) = (Duration::from_secs(31), ProbeFailure::Status(500));
        let fails = EventKind::ProbeFails { instance, probe, port, silence, failure };
        assert_eq!(said(succeeds.clone(), &mut plain), None, "that a service works is no news");
        let words = "Web_IN_0 * has not answered probe Page for 31 s: status 500, only 200 is healthy; gets no connections of public port 80\n";
        assert_eq!(said(fails, &mut plain).unwrap(), words);
        let words = "Web_IN_0 * answers probe Page; gets connections of public port 80\n";
        assert_eq!(said(succeeds, &mut plain).unwrap(), words);
    }

    #[test]
    fn a_capture_that_lacks_packets_is_told_with_their_number_and_what_to_do() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let mut said = |packets| {
            let page = plain.progress(Duration::ZERO, &Progress::CaptureLacks(packets));
            String::from_utf8(page.bytes).unwrap()
        };
        let rest = "the disk was too slow. Let `--capture` write to a faster one, or to memory.\n";
        assert_eq!(said(1), format!("The capture lacks 1 packet: {rest}"));
        assert_eq!(said(4096), format!("The capture lacks 4096 packets: {rest}"));
    }

    #[test]
    fn a_service_without_instances_has_words_of_its_own() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let mut said = |progress| {
            let page = plain.progress(Duration::ZERO, &progress);
            String::from_utf8(page.bytes).unwrap()
        };
        let nobody = "No role has an instance: there is nothing to wait for\n";
        assert_eq!(said(Progress::AllReady(0)), nobody);
        assert_eq!(said(Progress::Stopping(Vec::new(), Duration::from_secs(30))), "Stopping\n");
        let waiting = Progress::Stopping(ids(1), Duration::from_secs(30));
        let words = "Stopping: waiting for Web_IN_0, at most 30 s. Ctrl-C again ends it at once.\n";
        assert_eq!(said(waiting), words);
    }

    #[test]
    fn a_public_port_that_takes_nothing_says_what_it_does_not_take() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        for (transport, what) in [(Transport::Tcp, "connections"), (Transport::Udp, "datagrams")] {
            let (port, reason) = (Port::new(53).unwrap(), "too many open files".to_owned());
            let failed = EventKind::AcceptFailed { port, transport, reason };
            let words = format!("public port 53 * takes no {what} now: too many open files\n");
            assert_eq!(said(failed, &mut plain).unwrap(), words);
        }
    }

    #[test]
    fn a_refused_way_out_says_whose_limit_it_was() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let refused = EventKind::OutOfHostSockets {
            instance: "Web_IN_0".to_owned(),
            refusal: HostSocketRefusal::Instance { limit: 256 },
        };
        let words = "Web_IN_0 * was refused a connection to the world outside: it has 256 sockets to the world outside, \
                     which is its limit\n";
        assert_eq!(said(refused, &mut plain).unwrap(), words);
    }

    #[test]
    fn the_words_of_a_guest_are_made_harmless_once() {
        let mut plain = Plain::new(GuestLines::raw(), false);
        let because = "start-up task a.cmd ended with status 1; it said: \x1b[2J\\u{1b}".to_owned();
        let recycled = Recycled { times: 1, because, last_words: Vec::new() };
        let (instance, delay) = (ids(1).remove(0), Duration::from_secs(1));
        let words = said(EventKind::Recycling { instance, delay, recycled }, &mut plain).unwrap();
        assert!(words.contains("it said: \\u{1b}[2J\\u{1b}; starts"), "{words}");
    }

    #[test]
    fn many_instances_are_counted_and_not_named() {
        assert_eq!(named(&ids(2)), "Web_IN_0, Web_IN_1");
        assert!(named(&ids(8)).ends_with("Web_IN_5 and 2 more"));
    }
}
