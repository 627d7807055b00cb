//! A denial in words: who wanted what, which rule forbids it and where it stands, what would allow it.

use wasm_roles_fabric::DeniedEvent;

/// The lines of a denial: the fact, the reason, the way out. Nothing in them can move a cursor: the target of a denial is
/// printable, and the rest comes from the definition.
pub fn lines(denied: &DeniedEvent) -> Vec<String> {
    let DeniedEvent { denial, explanation } = denied;
    let verdict = if denial.is_enforced { "denied" } else { "would be denied" };
    vec![
        format!("{verdict}: {} {}", denial.operation, denial.target),
        explanation.reason.clone(),
        explanation.remedy.clone(),
    ]
}
