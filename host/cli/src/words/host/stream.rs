//! Events as lines.

use wasm_roles_control_interface::{EventLine, Timestamp};

use super::super::clean::clean;

/// `2026-11-21 07:25:11 Web_IN_0 * recycled, because run returned`, further lines indented.
pub fn event(event: &EventLine) -> String {
    let subject = event.instance.as_ref().or(event.role.as_ref());
    // Some sentences begin with it.
    let subject = subject.filter(|subject| !event.message.starts_with(subject.as_str()));
    let subject = subject.map(|subject| format!("{subject} * ")).unwrap_or_default();
    let mut lines = event.message.lines();
    let first = format!("{} {subject}{}", to_the_second(event.time), lines.next().unwrap_or_default());
    let mut text = format!("{}\n", clean(first.as_bytes(), false));
    for line in lines {
        text.push_str(&format!("    {}\n", clean(line.as_bytes(), false)));
    }
    text
}

fn to_the_second(time: Timestamp) -> String {
    let text = time.to_string();
    let second = text.split_once('.').map_or(text.as_str(), |(second, _)| second);
    second.replace('T', " ")
}
