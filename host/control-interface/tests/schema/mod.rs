//! Checks values against the schemas of the interface's description. It knows the words that the description uses, and
//! panics at others: what it does not know it cannot check.

#![allow(dead_code, reason = "each test file uses a part of it")]

use serde_json::{Map, Value};
use wasm_roles_control_interface::openapi::DOCUMENT;

/// The description.
pub fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("the description is JSON")
}

/// Where `$ref`s lead to.
pub fn resolved<'a>(document: &'a Value, reference: &str) -> &'a Value {
    let pointer = reference.strip_prefix('#').expect("references are local");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// What is wrong with a value of a named schema, a line each.
pub fn faults(name: &str, value: &Value) -> Vec<String> {
    let document = document();
    let mut checker = Checker { document: &document, faults: Vec::new() };
    let schema = resolved(&document, &format!("#/components/schemas/{name}"));
    checker.check(schema, value, name);
    checker.faults
}

/// The properties of a named schema that the value, which conforms, does not have, here or further in.
pub fn missing(name: &str, value: &Value) -> Vec<String> {
    let document = document();
    let mut missing = Vec::new();
    let schema = resolved(&document, &format!("#/components/schemas/{name}"));
    collect_missing(&document, schema, value, name, &mut missing);
    missing
}

struct Checker<'a> {
    document: &'a Value,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let schema = schema.as_object().expect("a schema is an object");
        for (word, argument) in schema {
            let fits = match word.as_str() {
                "description" | "pattern" | "format" => true,
                "$ref" => {
                    let target = resolved(self.document, argument.as_str().unwrap());
                    self.check(target, value, at);
                    true
                }
                "type" => is_of_type(argument, value),
                "const" => argument == value,
                "enum" => argument.as_array().unwrap().contains(value),
                "minimum" => value.as_u64().is_none_or(|number| number >= argument.as_u64().unwrap()),
                "maximum" => value.as_u64().is_none_or(|number| number <= argument.as_u64().unwrap()),
                "oneOf" => self.one_of(argument.as_array().unwrap(), value, at),
                "items" => {
                    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(argument, item, &format!("{at}[{number}]"));
                    }
                    true
                }
                "required" => self.required(argument, value, at),
                "properties" => self.properties(argument, value, at),
                "additionalProperties" => self.additional(schema, argument, value, at),
                other => panic!("{at}: the checker does not know `{other}`"),
            };
            if !fits {
                self.faults.push(format!("{at}: {value} is against {word}: {argument}"));
            }
        }
    }

    fn one_of(&mut self, schemas: &[Value], value: &Value, at: &str) -> bool {
        let fitting = schemas.iter().filter(|schema| {
            let mut checker = Checker { document: self.document, faults: Vec::new() };
            checker.check(schema, value, at);
            checker.faults.is_empty()
        });
        fitting.count() == 1
    }

    fn required(&mut self, names: &Value, value: &Value, at: &str) -> bool {
        let Some(object) = value.as_object() else { return true };
        for name in names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
            if !object.contains_key(name) {
                self.faults.push(format!("{at}: {name} is missing"));
            }
        }
        true
    }

    fn properties(&mut self, properties: &Value, value: &Value, at: &str) -> bool {
        for (name, schema) in properties.as_object().unwrap() {
            if let Some(value) = value.get(name) {
                self.check(schema, value, &format!("{at}.{name}"));
            }
        }
        true
    }

    fn additional(&mut self, schema: &Map<String, Value>, rule: &Value, value: &Value, at: &str) -> bool {
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, value) in value.as_object().into_iter().flatten() {
            let known = known.is_some_and(|known| known.contains_key(name));
            match rule {
                Value::Bool(allowed) if !known && !allowed => {
                    self.faults.push(format!("{at}: {name} is unknown"));
                }
                Value::Object(_) if !known => self.check(rule, value, &format!("{at}.{name}")),
                _ => {}
            }
        }
        true
    }
}

fn is_of_type(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the checker does not know the type {other}"),
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}

fn collect_missing(document: &Value, schema: &Value, value: &Value, at: &str, missing: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return collect_missing(document, resolved(document, reference), value, at, missing);
    }
    for alternative in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let mut checker = Checker { document, faults: Vec::new() };
        checker.check(alternative, value, at);
        if checker.faults.is_empty() {
            collect_missing(document, alternative, value, at, missing);
        }
    }
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match value.get(name) {
            None | Some(Value::Null) => missing.push(format!("{at}.{name}")),
            Some(value) => collect_missing(document, schema, value, &format!("{at}.{name}"), missing),
        }
    }
    if let Some(items) = schema.get("items") {
        match value.get(0) {
            None => missing.push(format!("{at}[0]")),
            Some(value) => collect_missing(document, items, value, &format!("{at}[0]"), missing),
        }
    }
}
