//! The host itself: since when, for whom, what its tenants use, what somebody should look at.

use std::fmt::Write;

use wasm_roles_control_interface::{HostInfo, TenantUsage, Usage};
use wasm_roles_service_plan::bytes_in_words;

use super::super::age::age;
use super::super::clean::clean;
use super::super::columns::fitted;
use super::refusal::in_words;

/// A few sentences, a table of the tenants, and the problems.
pub fn info(info: &HostInfo, line_length: Option<usize>) -> String {
    let mut page = format!("wasm-roles {}, up for {}", shown(&info.version), age(info.now, info.since));
    page.push_str(if info.persistent {
        "; what it holds survives its end\n"
    } else {
        "; it keeps nothing\n"
    });
    if info.recovering {
        page.push_str("It brings back what it had before it was started; nothing can be changed yet.\n");
    }
    let heading = ["TENANT", "DEPLOYMENTS", "INSTANCES", "MEMORY", "PUBLIC PORTS"];
    page.push('\n');
    page.push_str(&fitted(&heading, info.tenants.iter().map(row).collect(), line_length));
    if !info.problems.is_empty() {
        page.push_str("\nProblems:\n");
    }
    for problem in &info.problems {
        let _ = writeln!(page, "  - {}", in_words(problem));
        if let Some(hint) = &problem.hint {
            let _ = writeln!(page, "    hint: {}", shown(hint));
        }
    }
    page
}

fn row(usage: &TenantUsage) -> Vec<String> {
    vec![
        usage.tenant.to_string(),
        usage.deployments.to_string(),
        of_cap(usage.instances, |number| number.to_string()),
        of_cap(usage.memory_bytes, bytes_in_words),
        of_cap(usage.public_ports, |number| number.to_string()),
    ]
}

/// Such as `3 of 20`.
fn of_cap(Usage { used, cap }: Usage, words: impl Fn(u64) -> String) -> String {
    match cap {
        Some(cap) => format!("{} of {}", words(used), words(cap)),
        None => words(used),
    }
}

fn shown(text: &str) -> String {
    clean(text.as_bytes(), false)
}
