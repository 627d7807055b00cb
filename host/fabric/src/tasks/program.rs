//! A start-up task of a running instance: its component, and everything that it gets.

use std::sync::Arc;

use wasm_roles_role_runtime::{InstanceSpec, RoleComponent, Wires, run_program};
use wasm_roles_service_plan::TaskKind;
use wasm_roles_virtual_network::Interface;

use super::start_up::{Outcome, Task};
use crate::narrator::TaskReporter;

/// A task that is a program.
pub(crate) struct TaskProgram {
    /// The first word of the task's command line.
    pub(crate) command: Arc<str>,
    pub(crate) kind: TaskKind,
    pub(crate) component: RoleComponent,
    /// A companion of the instance's, which the tasks of an incarnation share.
    pub(crate) interface: Interface,
    pub(crate) spec: InstanceSpec,
    pub(crate) reporter: TaskReporter,
}

impl Task for TaskProgram {
    fn kind(&self) -> TaskKind {
        self.kind
    }

    async fn run(self, wires: Wires) -> Outcome {
        let Self { command, kind, component, interface, spec, reporter } = self;
        let tail = spec.stderr.tail();
        let end = run_program(&component, interface, spec, &wires).await;
        let last_words = tail.lines();
        let outcome = if end.is_success() {
            Ok(())
        } else {
            Err(format!("start-up task {command} {end}{}", quoted(&last_words)))
        };
        reporter.task_ended(command, kind, end, last_words);
        outcome
    }
}

/// The last words of a guest for the end of a sentence. They are the guest's: whoever shows them makes them harmless.
fn quoted(last_words: &[String]) -> String {
    let lines = last_words.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let words: Vec<&str> = lines.collect();
    if words.is_empty() { String::new() } else { format!("; it said: {}", words.join(" / ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_one_line_and_as_the_guest_said_them() {
        let words = |lines: &[&str]| quoted(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&[]), "");
        assert_eq!(words(&["", " "]), "");
        assert_eq!(words(&["no disk", "", "\x1b[2Jbye\r"]), "; it said: no disk / \x1b[2Jbye");
    }
}
