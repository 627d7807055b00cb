//! What a WebAssembly file is: in words, and as a document.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use wasm_roles_fabric::inspection::{Export, Form, Inspection, RoleShape, Use};
use wasm_roles_service_plan::bytes_in_words;

use super::clean::clean;
use super::columns::aligned;
use crate::failure::{Failure, Reason};

/// A file can name as many things as it likes; people are shown so many of a kind.
const MAX_ROWS: usize = 1000;

/// A file that was looked at.
pub struct Inspected {
    file: String,
    bytes: u64,
    inspection: Inspection,
    /// Whether its compiled form had been kept before; none where nothing is kept.
    compiled: Option<bool>,
    /// Why it does not run here.
    pub problems: Vec<Reason>,
}

impl Inspected {
    pub fn new(file: &Path, bytes: usize, inspection: Inspection, compiled: Option<bool>) -> Self {
        let file = clean(file.display().to_string().as_bytes(), false);
        let problems = problems(&file, &inspection);
        Self { file, bytes: u64::try_from(bytes).unwrap_or(u64::MAX), inspection, compiled, problems }
    }

    /// Whether nothing is known that speaks against it.
    pub fn runs(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn for_people(&self) -> String {
        let inspection = &self.inspection;
        let mut text = format!("{}: {}, {}\n", self.file, inspection.form, bytes_in_words(self.bytes));
        let mut facts = Vec::new();
        if inspection.is_role() {
            facts.push(["role".to_owned(), kind(&inspection.shape())]);
        }
        let wasi = inspection.wasi_versions();
        if !wasi.is_empty() {
            facts.push(["WASI".to_owned(), wasi.join(", ")]);
        }
        if !inspection.made_with.is_empty() {
            facts.push(["made with".to_owned(), inspection.made_with.join(", ")]);
        }
        if let (Form::Component, Some(compiled)) = (&inspection.form, self.compiled) {
            let words = match (compiled, self.runs()) {
                (true, _) => "yes, in the cache",
                (false, true) => "just now; it was not in the cache",
                (false, false) => "no",
            };
            facts.push(["compiled".to_owned(), words.to_owned()]);
        }
        for [name, fact] in facts {
            let _ = writeln!(text, "  {name:<10}{}", clean(fact.as_bytes(), false));
        }
        if !inspection.exports.is_empty() {
            let rows = inspection.exports.iter().take(MAX_ROWS);
            let rows = rows.map(|export| [export.name.clone(), meaning(export)]);
            text.push('\n');
            text.push_str(&aligned(["EXPORTS".to_owned(), String::new()], rows));
            text.push_str(&and_more(inspection.exports.len()));
        }
        if !inspection.imports.is_empty() {
            let is_component = inspection.form == Form::Component;
            let rows = inspection.imports.iter().take(MAX_ROWS).map(|import| {
                let given = match &import.refused {
                    Some(refusal) => format!("refused: {}", refusal.why),
                    None if is_component => "given".to_owned(),
                    None => String::new(),
                };
                [import.name.clone(), given]
            });
            text.push('\n');
            text.push_str(&aligned(["IMPORTS".to_owned(), String::new()], rows));
            text.push_str(&and_more(inspection.imports.len()));
        }
        if self.runs() {
            text.push_str("\nIt runs here.\n");
        }
        text
    }
}

/// What a page says of the rows that it leaves out.
fn and_more(rows: usize) -> String {
    match rows.saturating_sub(MAX_ROWS) {
        0 => String::new(),
        more => format!("… and {more} more\n"),
    }
}

/// What kind of role it is, in one sentence.
fn kind(shape: &RoleShape) -> String {
    let mut parts = Vec::new();
    if shape.entry_point {
        let events = if shape.events { ", and hears events" } else { "" };
        parts.push(format!("it has a life cycle of its own{events}"));
    } else if let Some(version) = shape.program {
        parts.push(format!("it is a program for WASI {version}; its end is a recycle"));
    }
    if let Some(version) = shape.http {
        parts.push(format!("it answers requests, over WASI {version}"));
    }
    parts.join("; ")
}

fn meaning(export: &Export) -> String {
    let functions: Vec<String> = export
        .functions
        .iter()
        .map(|function| format!("{}{}", if function.asynchronous { "async " } else { "" }, function.name))
        .collect();
    let functions = functions.join(", ");
    match export.used {
        Some(Use::EntryPoint) => format!("the life cycle: {functions}"),
        Some(Use::Events) => format!("events: {functions}"),
        Some(Use::Program(version)) => format!("a program, WASI {version}: {functions}"),
        Some(Use::Http(version)) => format!("answers requests, WASI {version}: {functions}"),
        None => "not used by this host".to_owned(),
    }
}

/// Why it cannot run here, as far as its names say.
fn problems(file: &str, inspection: &Inspection) -> Vec<Reason> {
    if let Some(hint) = not_a_component(&inspection.form) {
        let message = match &inspection.form {
            Form::Broken(broken) => {
                format!("{file} is {} at byte {}: {}", inspection.form, broken.offset, broken.reason)
            }
            form => format!("{file} is {form}"),
        };
        return vec![Reason::new(message, hint)];
    }
    let mut problems = Vec::new();
    if !inspection.is_role() {
        problems.push(Reason::new(
            format!("{file} is a component, but no role: it exports nothing that this host runs"),
            "a role exports wasm-roles:role/entry-point, wasi:cli/run, wasi:http/incoming-handler or wasi:http/handler",
        ));
    }
    for import in inspection.imports.iter().filter(|import| import.refused.is_some()).take(MAX_ROWS) {
        if let Some(refusal) = &import.refused {
            let name = clean(import.name.as_bytes(), false);
            let message = format!("{file} imports {name}: {}", clean(refusal.why.as_bytes(), false));
            problems.push(Reason::new(message, refusal.hint.clone()));
        }
    }
    problems
}

/// What to do with a file that is no component.
const fn not_a_component(form: &Form) -> Option<&'static str> {
    Some(match form {
        Form::Component => return None,
        Form::Wasi01Module => {
            "build it for the target wasm32-wasip2, or make it a component with `wasm-tools component new --adapt`"
        }
        Form::CoreModule => {
            "build it for the target wasm32-wasip2, or make it a component with `wasm-tools component new`"
        }
        Form::Broken(broken) if broken.cut_off => "copy it again, or build it again",
        Form::Broken(_) => "build it again; it may be damaged, or for a newer WebAssembly",
        Form::Text => "make it binary with `wasm-tools parse`",
        Form::Compiled => {
            "name the component that it was compiled from; a host compiles it itself, and keeps that"
        }
        Form::NativeProgram => "build it for the target wasm32-wasip2",
        Form::Empty => "build it again",
        Form::Unknown => "name the component, `<RoleName>.wasm` as a rule",
    })
}

const fn form(form: &Form) -> &'static str {
    match form {
        Form::Component => "component",
        Form::Wasi01Module => "wasi-0.1-module",
        Form::CoreModule => "core-module",
        Form::Broken(_) => "broken",
        Form::Text => "text",
        Form::Compiled => "compiled",
        Form::NativeProgram => "native-program",
        Form::Empty => "empty",
        Form::Unknown => "unknown",
    }
}

/// The same for programs. The keys and their order are a promise: they are added to, never renamed.
#[derive(Serialize)]
pub struct Document<'a> {
    file: String,
    bytes: Option<u64>,
    form: Option<&'static str>,
    runs: bool,
    role: Option<Role>,
    wasi: Vec<String>,
    made_with: &'a [String],
    imports: Vec<Import<'a>>,
    exports: Vec<ExportOf<'a>>,
    compiled: Option<bool>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Role {
    entry_point: bool,
    events: bool,
    program: Option<String>,
    http: Option<String>,
}

#[derive(Serialize)]
struct Import<'a> {
    name: &'a str,
    given: bool,
    why: Option<&'a str>,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct ExportOf<'a> {
    name: &'a str,
    r#use: Option<&'static str>,
    functions: Vec<Function<'a>>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    r#async: bool,
}

#[derive(Serialize)]
struct Problem<'a> {
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub fn of(file: &Path, inspected: Result<&'a Inspected, &'a Failure>) -> Self {
        let found = inspected.ok();
        let inspection = found.map(|inspected| &inspected.inspection);
        let component = inspection.filter(|inspection| inspection.form == Form::Component);
        let reasons = match inspected {
            Ok(inspected) => &inspected.problems,
            Err(failure) => failure.reasons(),
        };
        Self {
            file: file.display().to_string(),
            bytes: found.map(|inspected| inspected.bytes),
            form: inspection.map(|inspection| form(&inspection.form)),
            runs: found.is_some_and(Inspected::runs),
            role: inspection
                .filter(|inspection| inspection.is_role())
                .map(|inspection| role(&inspection.shape())),
            wasi: inspection.map(Inspection::wasi_versions).unwrap_or_default(),
            made_with: inspection.map(|inspection| &*inspection.made_with).unwrap_or_default(),
            imports: inspection.map(imports).unwrap_or_default(),
            exports: inspection.map(exports).unwrap_or_default(),
            compiled: component.and_then(|_| found?.compiled),
            problems: reasons
                .iter()
                .map(|reason| Problem { message: &reason.message, hint: reason.hint.as_deref() })
                .collect(),
        }
    }

    pub const fn runs(&self) -> bool {
        self.runs
    }
}

fn role(shape: &RoleShape) -> Role {
    Role {
        entry_point: shape.entry_point,
        events: shape.events,
        program: shape.program.map(|version| version.to_string()),
        http: shape.http.map(|version| version.to_string()),
    }
}

fn imports(inspection: &Inspection) -> Vec<Import<'_>> {
    let is_component = inspection.form == Form::Component;
    let import = inspection.imports.iter().map(|import| {
        let refusal = import.refused.as_ref();
        Import {
            name: &import.name,
            given: is_component && refusal.is_none(),
            why: refusal.map(|refusal| refusal.why.as_str()),
            hint: refusal.map(|refusal| refusal.hint.as_str()),
        }
    });
    import.collect()
}

fn exports(inspection: &Inspection) -> Vec<ExportOf<'_>> {
    let export = inspection.exports.iter().map(|export| ExportOf {
        name: &export.name,
        r#use: export.used.map(|used| match used {
            Use::EntryPoint => "entry-point",
            Use::Events => "events",
            Use::Program(_) => "program",
            Use::Http(_) => "http",
        }),
        functions: export
            .functions
            .iter()
            .map(|function| Function { name: &function.name, r#async: function.asynchronous })
            .collect(),
    });
    export.collect()
}
