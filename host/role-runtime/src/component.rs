//! From a file to a role that can be started: compiled, linked, and known for what it is.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use crate::compiled::{CompileNews, Digest, Source};
use crate::engine::Runtime;
use crate::exports::ExportIndices;
use crate::sandbox::Sandbox;

/// A generation of WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasiVersion {
    /// WASI 0.2: calls block the instance.
    V0_2,
    /// WASI 0.3: calls are asynchronous.
    V0_3,
}

/// What kind of role a component is: what it exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleShape {
    /// `wasm-roles:role/entry-point`.
    pub entry_point: bool,
    /// `wasm-roles:role/events`.
    pub events: bool,
    /// `wasi:cli/run`.
    pub program: Option<WasiVersion>,
    /// `wasi:http/incoming-handler` or `wasi:http/handler`.
    pub http: Option<WasiVersion>,
}

/// A file is not a role that this host can run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_COMPONENT_BYTES`].
    #[error("{} is larger than the {} MiB that a component may have", path.display(), MAX_COMPONENT_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is a core module.
    #[error("{} is a core WebAssembly module, not a component", path.display())]
    CoreModule {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a valid component.
    #[error("{} is not a valid WebAssembly component: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the engine says.
        reason: String,
    },
    /// The component exports nothing that makes it a role.
    #[error("{} is a component, but no role: it exports {}", path.display(), list(exports))]
    NoRole {
        /// The file.
        path: PathBuf,
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// The component imports something that a role does not get, or expects it in another form.
    #[error("{} cannot be linked: {reason}", path.display())]
    Unlinkable {
        /// The file.
        path: PathBuf,
        /// What the engine says.
        reason: String,
    },
}

impl LoadError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that the file is there and that you may read it",
            Self::TooLarge { .. } => "build it without debug information, and keep data in files beside it",
            Self::CoreModule { .. } => {
                "build it for the target wasm32-wasip2, or make it a component with `wasm-tools component new`"
            }
            Self::Invalid { .. } => "build it again; the file may be incomplete or made for another host",
            Self::NoRole { .. } => {
                "a role exports wasm-roles:role/entry-point, wasi:cli/run, wasi:http/incoming-handler \
                 or wasi:http/handler"
            }
            Self::Unlinkable { .. } => {
                "a role may import WASI 0.2 and 0.3, with wasi:http, and wasm-roles:role/environment"
            }
        }
    }
}

fn list(exports: &[String]) -> String {
    if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") }
}

/// A compiled role. A clone is a handle to the same code.
#[derive(Clone)]
pub struct RoleComponent(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) runtime: Runtime,
    pub(crate) pre: InstancePre<Sandbox>,
    pub(crate) exports: ExportIndices,
    shape: RoleShape,
}

impl RoleComponent {
    /// What kind of role it is.
    #[must_use]
    pub fn shape(&self) -> &RoleShape {
        &self.0.shape
    }

    /// Whether both came from the same bytes. As long as one of them is there, loading its bytes again gives the same one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Runtime {
    /// Compiles a component, or takes the compiled form from the cache. The same bytes are the same code in memory, whoever
    /// loads them from wherever. It blocks: a large component may take seconds.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(&self, path: &Path) -> Result<RoleComponent, LoadError> {
        self.load_bytes(path, &read_component(path)?)
    }

    /// The same for bytes that were read from a file already; `path` is its name.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load_bytes(&self, path: &Path, bytes: &[u8]) -> Result<RoleComponent, LoadError> {
        if is_core_module(bytes) {
            return Err(LoadError::CoreModule { path: path.to_owned() });
        }
        self.role(path, bytes, |shape| shape.entry_point || shape.program.is_some() || shape.http.is_some())
    }

    /// Whether the compiled form of a component is kept on the disk. None where nothing is kept.
    #[must_use]
    pub fn keeps(&self, component: Digest) -> Option<bool> {
        self.compiled.as_ref().map(|compiled| compiled.has(&component))
    }

    /// A role without a program: it starts, has nothing to do, and stops. A static site is one; its files are all there is
    /// of it.
    ///
    /// # Errors
    ///
    /// Never, but for a broken engine.
    pub fn without_program(&self) -> Result<RoleComponent, LoadError> {
        self.role(Path::new("a component without a program"), EMPTY_COMPONENT, |_| true)
    }

    fn role(
        &self,
        path: &Path,
        bytes: &[u8],
        is_role: impl Fn(&RoleShape) -> bool,
    ) -> Result<RoleComponent, LoadError> {
        let source = Source { file: path, bytes, digest: Digest::of(bytes) };
        let inner = self.loaded.get_or(source.digest, || self.link(source, &is_role))?;
        // Somebody else may have asked for less.
        if !is_role(&inner.shape) {
            let exports = self.exports_of(inner.pre.component());
            return Err(LoadError::NoRole { path: path.to_owned(), exports });
        }
        Ok(RoleComponent(inner))
    }

    fn link(
        &self,
        source: Source<'_>,
        is_role: impl Fn(&RoleShape) -> bool,
    ) -> Result<Arc<Inner>, LoadError> {
        let owned = || source.file.to_owned();
        let component = self
            .compiled(source)
            .map_err(|error| LoadError::Invalid { path: owned(), reason: one_line(&error) })?;
        let exports = ExportIndices::find(&component);
        let shape = exports.shape();
        if !is_role(&shape) {
            return Err(LoadError::NoRole { path: owned(), exports: self.exports_of(&component) });
        }
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Unlinkable { path: owned(), reason: one_line(&error) })?;
        Ok(Arc::new(Inner { runtime: self.clone(), pre, exports, shape }))
    }

    fn compiled(&self, source: Source<'_>) -> wasmtime::Result<Component> {
        let tell = |news: CompileNews<'_>| {
            if let Some(listener) = &self.listener {
                listener(news);
            }
        };
        if let Some(compiled) = &self.compiled {
            return compiled.load(&self.engine, source, &tell);
        }
        tell(CompileNews::Begun { file: source.file, bytes: source.bytes.len() });
        let component = Component::from_binary(&self.engine, source.bytes);
        tell(CompileNews::Ended { file: source.file });
        component
    }

    fn exports_of(&self, component: &Component) -> Vec<String> {
        let ty = component.component_type();
        let instances = ty.exports(&self.engine).filter_map(|(name, item)| match item.ty {
            ComponentItem::ComponentInstance(_) | ComponentItem::ComponentFunc(_) => Some(name.to_owned()),
            _ => None,
        });
        instances.collect()
    }
}

/// The largest file that is loaded. An engine needs many times as much to compile it.
pub const MAX_COMPONENT_BYTES: u64 = 512 << 20;

/// The bytes of a file that may be a component.
///
/// # Errors
///
/// When it cannot be read, or is larger than [`MAX_COMPONENT_BYTES`].
pub fn read_component(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let mut content = Vec::with_capacity(usize::try_from(bytes.min(MAX_COMPONENT_BYTES)).unwrap_or_default());
    // The file may grow meanwhile, and a pipe has no length.
    file.take(MAX_COMPONENT_BYTES + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > MAX_COMPONENT_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

/// The preamble of a component, and nothing after it.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The preamble of a module and of a component differ in their last four bytes (component model, binary format).
fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

/// The whole chain of causes in one line, outermost first.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
