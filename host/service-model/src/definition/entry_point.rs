//! What a role runs (facts: section 2.6).

use super::command_line;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::xml::{Attribute, Element};
use crate::{EntryPoint, RoleKind, fields};

/// The role's `Runtime/EntryPoint`, or the default.
pub(super) fn read(role: &Element, kind: RoleKind, report: &mut Report) -> EntryPoint {
    let Some(element) = role.child("Runtime").and_then(|runtime| runtime.child("EntryPoint")) else {
        return EntryPoint::Default;
    };
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
    let attribute = fields::required(element, "commandLine", report)?;
    match command_line::split(&attribute.value) {
        Ok(words) => {
            let mut words = words.into_iter();
            match words.next() {
                Some(command) => Some(EntryPoint::Program { command, arguments: words.collect() }),
                None => invalid(attribute, "a command line names a program", report),
            }
        }
        Err(quote) => invalid(attribute, &format!("the quote {quote} is never closed"), report),
    }
}

fn assembly_entry_point(element: &Element, report: &mut Report) -> Option<EntryPoint> {
    let attribute = fields::required(element, "assemblyName", report)?;
    match attribute.value.trim() {
        "" => invalid(attribute, "an entry point names an assembly", report),
        name => Some(EntryPoint::Assembly { name: name.to_owned() }),
    }
}

fn invalid(attribute: &Attribute, label: &str, report: &mut Report) -> Option<EntryPoint> {
    let message = format!("`{}` is no value of `{}`", attribute.value, attribute.name);
    report.push(Diagnostic::at(Code::InvalidValue, &attribute.value_span, message).label(label));
    None
}
