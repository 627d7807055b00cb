//! The engine: one per process, shared by all instances.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasm_roles_virtual_network::Interface;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use crate::compiled::{CompileNews, Compiled, DEFAULT_CACHE_BYTES};
use crate::component::Inner;
use crate::cpu::Processors;
use crate::http::{Outgoing, Trust, TrustedRoots};
use crate::linker::linker;
use crate::loaded::Loaded;
use crate::sandbox::Sandbox;
use crate::storage::VolumeRegistry;

/// How long an instance computes before it is asked whether the worker thread should go to somebody else.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Somebody who is told of compiling, on the thread that compiles.
pub type CompileListener = Arc<dyn Fn(CompileNews<'_>) + Send + Sync>;

/// How a [`Runtime`] is set up. The default keeps nothing and tells nobody.
#[derive(Clone, Default)]
pub struct RuntimeOptions {
    cache: Option<(PathBuf, u64)>,
    listener: Option<CompileListener>,
}

impl RuntimeOptions {
    /// These options, with compiled components kept in a folder, so that the next start need not compile them. Whoever can write
    /// there decides what code runs: it must belong to the user alone. It holds at most [`DEFAULT_CACHE_BYTES`].
    #[must_use]
    pub fn cached_in(self, folder: impl Into<PathBuf>) -> Self {
        Self { cache: Some((folder.into(), DEFAULT_CACHE_BYTES)), ..self }
    }

    /// These options, with a folder that holds at most so many bytes; but always what was compiled last.
    #[must_use]
    pub fn with_cache_bytes(self, bytes: u64) -> Self {
        Self { cache: self.cache.map(|(folder, _)| (folder, bytes)), ..self }
    }

    /// These options, with somebody who is told of compiling.
    #[must_use]
    pub fn telling(self, listener: CompileListener) -> Self {
        Self { listener: Some(listener), ..self }
    }
}

/// The host could not set up its engine.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The cache directory cannot be used.
    #[error("the directory for compiled components, {}, cannot be used: {reason}", directory.display())]
    Cache {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// The engine refused its configuration, or the ticker thread could not be started.
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Engine(String),
}

/// The engine and everything that instances can be linked to. A clone is a handle to the same one.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) linker: Arc<Linker<Sandbox>>,
    pub(crate) volumes: VolumeRegistry,
    pub(crate) processors: Processors,
    pub(crate) trust: Arc<Trust>,
    /// What is kept on the disk.
    pub(crate) compiled: Option<Arc<Compiled>>,
    pub(crate) listener: Option<CompileListener>,
    /// All of it runs with this trust.
    pub(crate) loaded: Arc<Loaded<Inner>>,
}

impl Runtime {
    /// Sets up an engine.
    ///
    /// # Errors
    ///
    /// See [`RuntimeError`].
    pub fn new(options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let engine = Engine::new(&config()).map_err(engine_error)?;
        let compiled =
            options.cache.as_ref().map(|(folder, bytes)| cache(folder, *bytes, &engine)).transpose()?;
        let linker = linker(&engine).map_err(engine_error)?;
        let processors = Processors::new();
        start_ticker(&engine, processors.clone())?;
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            volumes: VolumeRegistry::default(),
            processors,
            trust: Arc::default(),
            compiled: compiled.map(Arc::new),
            listener: options.listener.clone(),
            loaded: Arc::default(),
        })
    }

    /// This runtime with these authorities for outgoing https. Roles that are loaded from now on believe them;
    /// the default are those of the platform.
    #[must_use]
    pub fn trusting(self, roots: TrustedRoots) -> Self {
        Self { trust: Arc::new(Trust::new(roots)), loaded: Arc::default(), ..self }
    }
}

impl Runtime {
    /// Spawns what drives a store of the caller's own on the current tokio runtime, in the way of the instances: when one
    /// of them wakes it, it goes on on the same thread.
    pub fn spawn<F>(&self, store: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        crate::cpu::spawn(self.processors.clone(), store)
    }
}

impl Runtime {
    /// What an instance with this interface, or a program beside one, sends requests with.
    pub(crate) fn outgoing(&self, interface: &Interface) -> Arc<Outgoing> {
        Arc::new(Outgoing::new(interface.clone(), Arc::clone(&self.trust)))
    }
}

fn engine_error(error: impl std::fmt::Display) -> RuntimeError {
    RuntimeError::Engine(format!("{error:#}"))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        // The books of memory rest on it: `limits::Limiter::memory_grow_failed`.
        .wasm_custom_page_sizes(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .memory_guard_size(32 << 20)
        // Enough for deep recursion in Python and JavaScript guests; only touched pages cost memory.
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20);
    config
}

fn cache(folder: &Path, bytes: u64, engine: &Engine) -> Result<Compiled, RuntimeError> {
    Compiled::new(folder, bytes, engine)
        .map_err(|error| RuntimeError::Cache { directory: folder.to_owned(), reason: error.to_string() })
}

/// One thread for the whole process tells all running guests that a tick is over, until the engine is gone.
fn start_ticker(engine: &Engine, processors: Processors) -> Result<(), RuntimeError> {
    let engine = engine.weak();
    // The processors tick first: whoever is called back because of the epoch finds that a tick is over.
    let tick = move || {
        processors.drive_ticks(|| {
            let engine = engine.upgrade();
            engine.inspect(|engine| engine.increment_epoch()).is_some()
        });
    };
    let ticker = std::thread::Builder::new().name("wasm-roles-ticker".to_owned());
    ticker.spawn(tick).map(drop).map_err(engine_error)
}
