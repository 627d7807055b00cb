//! Start-up tasks (facts: section 2.7).

use super::{command_line, environment};
use crate::diagnostic::Report;
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{InstanceValue, StartupTask, TaskKind};

/// The tasks of a role in the order of the definition.
pub(super) fn read(
    role: &Element,
    instance_values: &mut Vec<Located<InstanceValue>>,
    report: &mut Report,
) -> Vec<StartupTask> {
    for startup in role.children("Startup") {
        if let Some(priority) = startup.attribute("priority") {
            fields::number(priority, i32::MIN..=i32::MAX, report);
        }
    }
    let kinds = [
        ("simple", TaskKind::Simple),
        ("foreground", TaskKind::Foreground),
        ("background", TaskKind::Background),
    ];
    let mut tasks = Vec::new();
    for task in role.items("Startup", "Task") {
        check_execution_context(task, report);
        let kind = task.attribute("taskType").map(|kind| fields::word(kind, &kinds, report));
        let environment = environment::read(task, instance_values, report);
        if let Some((command, arguments)) = command_line::read(task, report) {
            let kind = kind.flatten().unwrap_or_default();
            tasks.push(StartupTask { command, arguments, kind, environment, span: task.span.clone() });
        }
    }
    tasks
}

/// Which rights a task or a role had on the old platform means nothing here, but it must be one of the two words.
pub(super) fn check_execution_context(element: &Element, report: &mut Report) {
    if let Some(context) = element.attribute("executionContext") {
        fields::word(context, &[("limited", ()), ("elevated", ())], report);
    }
}
