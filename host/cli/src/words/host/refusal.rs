//! Why a host did not do something.

use wasm_roles_control_interface::{Detail, Refusal};

use super::super::clean::clean;
use crate::failure::Reason;

/// The refusal as one reason, each single thing that is wrong on a line of its own.
pub fn refused(refusal: &Refusal) -> Reason {
    let mut message = shown(&refusal.message);
    for detail in &refusal.details {
        message.push_str(&format!("\n  - {}", in_words(detail)));
        if let Some(hint) = &detail.hint {
            message.push_str(&format!("\n    hint: {}", shown(hint)));
        }
    }
    Reason { message, hint: refusal.hint.as_deref().map(shown) }
}

/// `Entries: the store Book shrinks (20 MB -> 10 MB) at ServiceDefinition.csdef:12:5`.
pub fn in_words(detail: &Detail) -> String {
    let Detail { code, subject, message, place, old, new, .. } = detail;
    let mut words = String::new();
    if let Some(place) = place {
        words.push_str(&format!("{}:{}:{}: ", place.file, place.line, place.column));
    }
    if let Some(code) = code {
        words.push_str(&format!("{code}: "));
    }
    if let Some(subject) = subject {
        words.push_str(&format!("{subject}: "));
    }
    words.push_str(message);
    match (old, new) {
        (Some(old), Some(new)) => words.push_str(&format!(" ({old} -> {new})")),
        (Some(old), None) => words.push_str(&format!(" (it is {old})")),
        (None, Some(new)) => words.push_str(&format!(" (it would be {new})")),
        (None, None) => {}
    }
    shown(&words)
}

/// What comes from a host may hold words of its guests.
fn shown(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| clean(line.as_bytes(), false)).collect();
    lines.join("\n  ")
}
