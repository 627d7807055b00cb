//! The table of the kinds of task, as a function.

use wasm_roles_service_plan::TaskKind;

/// What a kind of task means to the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) start: Start,
    pub(super) failure: Failure,
    pub(super) role_end: RoleEnd,
}

/// Who waits for it at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The next task and the role.
    Awaited,
    /// Nobody.
    Alongside,
}

/// What it means that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Later tasks and the role do not start.
    KeepsBusy,
    /// Nothing, but people are told.
    Told,
}

/// What happens to it when the role has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleEnd {
    /// Nothing: it has ended long before.
    Over,
    /// The instance waits for its end.
    HeldBack,
    /// It is cut off.
    CutOff,
}

/// What `kind` means. What the documentation leaves open for tasks that nobody waits for: a failure is told and changes
/// nothing (facts: section 13, no. 13).
pub(super) const fn rule(kind: TaskKind) -> Rule {
    match kind {
        TaskKind::Simple => {
            Rule { start: Start::Awaited, failure: Failure::KeepsBusy, role_end: RoleEnd::Over }
        }
        TaskKind::Foreground => {
            Rule { start: Start::Alongside, failure: Failure::Told, role_end: RoleEnd::HeldBack }
        }
        TaskKind::Background => {
            Rule { start: Start::Alongside, failure: Failure::Told, role_end: RoleEnd::CutOff }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_waited_for_can_keep_the_instance_busy() {
        for kind in [TaskKind::Simple, TaskKind::Foreground, TaskKind::Background] {
            let Rule { start, failure, role_end } = rule(kind);
            assert_eq!(start == Start::Awaited, failure == Failure::KeepsBusy, "{kind:?}");
            assert_eq!(start == Start::Awaited, role_end == RoleEnd::Over, "{kind:?}");
        }
        assert_eq!(rule(TaskKind::Foreground).role_end, RoleEnd::HeldBack);
        assert_eq!(rule(TaskKind::Background).role_end, RoleEnd::CutOff);
    }
}
