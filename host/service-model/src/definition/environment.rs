//! Environments of variables (facts: sections 2.6 and 5).

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::{Attribute, Element};
use crate::{EnvironmentVariable, InstanceValue, VariableName, VariableValue, XPathError};

/// The variables of the `Environment` in `parent`. Values that name something of the role, which is looked up
/// later, go to `instance_values` too.
pub(super) fn read(
    parent: &Element,
    instance_values: &mut Vec<Located<InstanceValue>>,
    report: &mut Report,
) -> Vec<EnvironmentVariable> {
    let mut variables: Vec<EnvironmentVariable> = Vec::new();
    let mut positions: HashMap<VariableName, usize> = HashMap::new();
    for element in parent.items("Environment", "Variable") {
        let name = fields::name(element, "name", VariableName::new, report);
        let value = read_value(element, instance_values, report);
        let (Some(name), Some(value)) = (name, value) else { continue };
        let variable = EnvironmentVariable { name: name.value, value, span: element.span.clone() };
        match positions.get(&variable.name).and_then(|position| variables.get_mut(*position)) {
            Some(first) => {
                let message = format!("the variable `{}` is set twice", variable.name);
                let warning = Diagnostic::at(Code::VariableSetTwice, &name.span, message);
                report.push(warning.label(format!("wins over line {}", first.span.line)));
                *first = variable;
            }
            None => {
                positions.insert(variable.name.clone(), variables.len());
                variables.push(variable);
            }
        }
    }
    variables
}

fn read_value(
    variable: &Element,
    instance_values: &mut Vec<Located<InstanceValue>>,
    report: &mut Report,
) -> Option<VariableValue> {
    match (variable.attribute("value"), variable.child("RoleInstanceValue")) {
        (Some(value), None) => Some(VariableValue::Text(value.value.clone())),
        (None, Some(element)) => {
            let xpath = fields::required(element, "xpath", report)?;
            let value = read_xpath(xpath, report)?;
            instance_values.push(Located { value: value.clone(), span: xpath.value_span.clone() });
            Some(VariableValue::OfInstance(value))
        }
        (Some(_), Some(element)) => {
            let message = "the variable has a `value` and a `RoleInstanceValue`";
            report.push(Diagnostic::at(Code::ConflictingForms, &element.span, message).label("keep one"));
            None
        }
        (None, None) => {
            let message = "`Variable` needs the attribute `value` or an element `RoleInstanceValue`";
            let error = Diagnostic::at(Code::MissingAttribute, &variable.span, message).label("has neither");
            report.push(error.help("an empty variable is written `value=\"\"`"));
            None
        }
    }
}

fn read_xpath(xpath: &Attribute, report: &mut Report) -> Option<InstanceValue> {
    let problem = match InstanceValue::parse(&xpath.value) {
        Ok(value) => return Some(value),
        Err(problem) => problem,
    };
    let error = Diagnostic::at(Code::UnknownXPath, &xpath.value_span, problem.to_string());
    let known = InstanceValue::KNOWN_PATHS.join("\n");
    report.push(match (problem, InstanceValue::nearest_path(&xpath.value)) {
        (XPathError::Unknown, Some(nearest)) => {
            error.help(format!("did you mean `{nearest}`? The paths are:\n{known}"))
        }
        (XPathError::Unknown, None) => error.help(format!("the paths are:\n{known}")),
        (XPathError::Name(_), _) => error,
    });
    None
}
