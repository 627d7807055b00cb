//! From bytes to names and types.

use std::collections::BTreeSet;

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, Encoding, KnownCustom, Parser, Payload, ProducersSectionReader, ValidPayload,
    Validator, WasmFeatures,
};

use super::given;
use super::{Broken, Export, ExportedFunction, Form, Import, Inspection};

/// How many bytes of a name or a version that a file gives are kept.
const MAX_MAKER: usize = 80;
/// How many makers of a file are kept.
const MAX_MAKERS: usize = 50;

pub(super) fn read(bytes: &[u8]) -> Inspection {
    let empty = |form| Inspection { form, imports: Vec::new(), exports: Vec::new(), made_with: Vec::new() };
    if let Some(form) = other_than_wasm(bytes) {
        return empty(form);
    }
    let mut reading = Reading::default();
    match reading.all(bytes) {
        Ok(()) => reading.inspection(),
        Err(error) => {
            let reason = error.message().to_owned();
            let cut_off = reason.starts_with("unexpected end");
            empty(Form::Broken(Broken { offset: error.offset(), reason, cut_off }))
        }
    }
}

/// What a file is that does not begin as WebAssembly does.
fn other_than_wasm(bytes: &[u8]) -> Option<Form> {
    const NATIVE: &[&[u8]] = &[b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!"];
    if bytes.starts_with(b"\0asm") {
        return None;
    }
    if bytes.is_empty() {
        return Some(Form::Empty);
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Some(Form::Compiled);
    }
    if NATIVE.iter().any(|magic| bytes.starts_with(magic)) {
        return Some(Form::NativeProgram);
    }
    let text = bytes.trim_ascii_start();
    let is_text =
        [b"(module".as_slice(), b"(component", b";;", b"(;"].iter().any(|word| text.starts_with(word));
    Some(if is_text { Form::Text } else { Form::Unknown })
}

#[derive(Default)]
struct Reading {
    is_component: bool,
    imports: Vec<String>,
    exports: Vec<String>,
    makers: BTreeSet<String>,
    types: Option<Types>,
}

impl Reading {
    fn all(&mut self, bytes: &[u8]) -> Result<(), BinaryReaderError> {
        // What this host does not run of it is said when it is compiled.
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth = depth.saturating_add(1);
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        self.producers(producers);
                    }
                }
                outermost if depth == 0 => self.names(outermost)?,
                _ => {}
            }
            if let ValidPayload::End(types) = validator.payload(&payload)? {
                match depth.checked_sub(1) {
                    Some(outer) => depth = outer,
                    None => self.types = Some(types),
                }
            }
        }
        Ok(())
    }

    fn names(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => self.is_component = *encoding == Encoding::Component,
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let module = import?.module;
                    if self.imports.last().is_none_or(|last| last != module) {
                        self.imports.push(module.to_owned());
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    self.exports.push(export?.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Languages and tools. Nobody checks what this section says, so one that cannot be read says nothing.
    fn producers(&mut self, producers: ProducersSectionReader<'_>) {
        let values = producers.into_iter().flatten().flat_map(|field| field.values.into_iter().flatten());
        for value in values {
            if self.makers.len() < MAX_MAKERS {
                let maker = format!("{} {}", value.name, value.version);
                self.makers.insert(maker.trim_end().chars().take(MAX_MAKER).collect());
            }
        }
    }

    fn inspection(self) -> Inspection {
        let form = match self.is_component {
            true => Form::Component,
            false if self.imports.iter().any(|module| module.starts_with("wasi_")) => Form::Wasi01Module,
            false => Form::CoreModule,
        };
        let imports = self.imports.iter().map(|name| Import {
            name: name.clone(),
            refused: if self.asks_for_something(name) { given::refusal(name) } else { None },
        });
        let exports = self.exports.iter().map(|name| Export {
            name: name.clone(),
            functions: self.functions(name),
            used: if self.is_component { given::usage(name) } else { None },
        });
        Inspection {
            form,
            imports: imports.collect(),
            exports: exports.collect(),
            made_with: self.makers.iter().cloned().collect(),
        }
    }

    /// Whether there is anything to give: of an interface with types alone there is not.
    fn asks_for_something(&self, import: &str) -> bool {
        let Some(types) = self.types.as_ref().filter(|_| self.is_component) else { return false };
        let Some(item) = types.as_ref().component_item_for_import(import) else { return true };
        let ComponentEntityType::Instance(instance) = item.ty else { return true };
        types[instance].exports.values().any(|item| match item.ty {
            ComponentEntityType::Type { referenced, .. } => {
                matches!(referenced, ComponentAnyTypeId::Resource(_))
            }
            _ => true,
        })
    }

    fn functions(&self, export: &str) -> Vec<ExportedFunction> {
        let Some(types) = self.types.as_ref().filter(|_| self.is_component) else { return Vec::new() };
        let Some(item) = types.as_ref().component_item_for_export(export) else { return Vec::new() };
        let function = |name: &str, ty: &ComponentEntityType| match ty {
            ComponentEntityType::Func(function) => {
                Some(ExportedFunction { name: name.to_owned(), asynchronous: types[*function].async_ })
            }
            _ => None,
        };
        match &item.ty {
            ComponentEntityType::Instance(instance) => {
                let items = types[*instance].exports.iter();
                items.filter_map(|(name, item)| function(name, &item.ty)).collect()
            }
            other => function(export, other).into_iter().collect(),
        }
    }
}
