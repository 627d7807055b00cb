//! What a file is, told from its bytes alone: nothing is compiled, and nothing of it runs.
//!
//! It is for people who have a component of unknown making. It reads names and types: what the file exports makes it a role or
//! not, and each import is one that the host gives, or one that it refuses for a reason. The last word has [`crate::Runtime::load`],
//! which compiles the component and compares the type of every function.

mod given;
mod read;

use std::fmt;

use crate::component::{RoleShape, WasiVersion};

pub use given::Refusal;

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What kind of file it is.
    pub form: Form,
    /// What it asks for, in its order.
    pub imports: Vec<Import>,
    /// What it offers, in its order.
    pub exports: Vec<Export>,
    /// Languages and tools that say that they have made it, with their versions, sorted.
    pub made_with: Vec<String>,
}

/// A kind of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A component: what roles are.
    Component,
    /// A core module that asks for WASI 0.1 (`wasi_snapshot_preview1`): a program for the target wasm32-wasip1.
    Wasi01Module,
    /// Another core module.
    CoreModule,
    /// The file begins as WebAssembly does, but is not valid.
    Broken(Broken),
    /// WebAssembly in its text form.
    Text,
    /// The compiled form of a module or component, of wasmtime.
    Compiled,
    /// A program for the machine.
    NativeProgram,
    /// It has no bytes.
    Empty,
    /// Anything else.
    Unknown,
}

/// Where a file stops to be WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The position of the byte, from 0.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
    /// The file ends before what it begins with is complete.
    pub cut_off: bool,
}

/// Something that a file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name, such as `wasi:cli/environment@0.2.0`.
    pub name: String,
    /// Why the host does not give it; none when it does.
    pub refused: Option<Refusal>,
}

/// Something that a file offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name, such as `wasi:cli/run@0.2.0`.
    pub name: String,
    /// Its functions.
    pub functions: Vec<ExportedFunction>,
    /// What the host does with it; none when it does nothing with it.
    pub used: Option<Use>,
}

/// A function of something that a component offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFunction {
    /// Its name.
    pub name: String,
    /// Whether its type is async.
    pub asynchronous: bool,
}

/// What the host does with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `wasm-roles:role/entry-point`.
    EntryPoint,
    /// `wasm-roles:role/events`.
    Events,
    /// `wasi:cli/run`.
    Program(WasiVersion),
    /// `wasi:http/incoming-handler` or `wasi:http/handler`.
    Http(WasiVersion),
}

impl Inspection {
    /// Reads a file's bytes. It takes time in proportion to them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        read::read(bytes)
    }

    /// What kind of role the names of its exports make it.
    #[must_use]
    pub fn shape(&self) -> RoleShape {
        let used = |wanted: fn(Use) -> bool| self.exports.iter().filter_map(|export| export.used).any(wanted);
        // The newer one counts, as when it is loaded.
        let version = |which: fn(Use) -> Option<WasiVersion>| {
            let mut versions = self.exports.iter().filter_map(|export| which(export.used?));
            let first = versions.next();
            if versions.any(|version| version == WasiVersion::V0_3) { Some(WasiVersion::V0_3) } else { first }
        };
        RoleShape {
            entry_point: used(|used| used == Use::EntryPoint),
            events: used(|used| used == Use::Events),
            program: version(|used| if let Use::Program(version) = used { Some(version) } else { None }),
            http: version(|used| if let Use::Http(version) = used { Some(version) } else { None }),
        }
    }

    /// Whether it exports something that makes it a role.
    #[must_use]
    pub fn is_role(&self) -> bool {
        let shape = self.shape();
        shape.entry_point || shape.program.is_some() || shape.http.is_some()
    }

    /// The versions of WASI that its imports and exports belong to: `0.1`, `0.2`, `0.3`, and those that the host does not have.
    #[must_use]
    pub fn wasi_versions(&self) -> Vec<String> {
        let names = self.imports.iter().map(|import| &import.name);
        let names = names.chain(self.exports.iter().map(|export| &export.name));
        let mut versions: Vec<String> = names.filter_map(|name| given::wasi_version(name)).collect();
        versions.sort();
        versions.dedup();
        versions
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Component => "a component",
            Self::Wasi01Module => "a core module for WASI 0.1 (wasm32-wasip1), not a component",
            Self::CoreModule => "a core module, not a component",
            Self::Broken(broken) if broken.cut_off => "WebAssembly that is cut off",
            Self::Broken(_) => "WebAssembly that is not valid",
            Self::Text => "WebAssembly text, not its binary form",
            Self::Compiled => "a compiled form of wasmtime, not a component",
            Self::NativeProgram => "a program for a machine, not WebAssembly",
            Self::Empty => "an empty file",
            Self::Unknown => "not WebAssembly",
        })
    }
}

#[cfg(test)]
mod tests;
