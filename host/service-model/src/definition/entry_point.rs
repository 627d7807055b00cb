//! What a role runs (facts: section 2.6).

use super::{command_line, order, startup};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::xml::Element;
use crate::{EntryPoint, RoleKind, fields};

/// The role's `Runtime/EntryPoint`, or the default.
pub(super) fn read(role: &Element, kind: RoleKind, report: &mut Report) -> EntryPoint {
    let Some(runtime) = role.child("Runtime") else { return EntryPoint::Default };
    startup::check_execution_context(runtime, report);
    let wanted = "the schema wants `Environment` before `EntryPoint`";
    order::note(runtime, &[&["Environment"], &["EntryPoint"]], wanted, report);
    let Some(element) = runtime.child("EntryPoint") else { return EntryPoint::Default };
    let entry = match (element.child("ProgramEntryPoint"), element.child("NetFxEntryPoint")) {
        (Some(program), None) => {
            if kind == RoleKind::Web {
                let message = "a web role has a `ProgramEntryPoint`, which the schema keeps for worker roles";
                report.push(Diagnostic::at(Code::LegacyForm, &program.span, message));
            }
            program_entry_point(program, report)
        }
        (None, Some(assembly)) => assembly_entry_point(assembly, report),
        (Some(_), Some(assembly)) => {
            let message = "the entry point is a program and an assembly";
            report.push(Diagnostic::at(Code::ConflictingForms, &assembly.span, message).label("keep one"));
            None
        }
        (None, None) => {
            let message = "`EntryPoint` needs an element `ProgramEntryPoint` or `NetFxEntryPoint`";
            report.push(Diagnostic::at(Code::MissingElement, &element.span, message).label("not in here"));
            None
        }
    };
    entry.unwrap_or_default()
}

fn program_entry_point(element: &Element, report: &mut Report) -> Option<EntryPoint> {
    if let Some(ready) = fields::required(element, "setReadyOnProcessStart", report)
        && fields::boolean(ready, report) == Some(false)
    {
        let message = "`setReadyOnProcessStart` can only be `true`";
        let error = Diagnostic::at(Code::InvalidValue, &ready.value_span, message);
        report.push(error.label("`false` never had a meaning"));
    }
    let (command, arguments) = command_line::read(element, report)?;
    Some(EntryPoint::Program { command, arguments })
}

fn assembly_entry_point(element: &Element, report: &mut Report) -> Option<EntryPoint> {
    if element.attribute("targetFrameworkVersion").is_some() {
        fields::filled(element, "targetFrameworkVersion", report);
    }
    let attribute = fields::filled(element, "assemblyName", report)?;
    Some(EntryPoint::Assembly { name: attribute.value.trim().to_owned() })
}
