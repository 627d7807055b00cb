//! The engine: one per process, shared by all instances.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use wasm_roles_virtual_network::Interface;
use wasmtime::component::Linker;
use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::component::Inner;
use crate::cpu::Processors;
use crate::http::{Outgoing, Trust, TrustedRoots};
use crate::linker::linker;
use crate::loaded::Loaded;
use crate::sandbox::Sandbox;
use crate::storage::VolumeRegistry;

/// How long an instance computes before it is asked whether the worker thread should go to somebody else.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// How a [`Runtime`] is set up.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// Where compiled components are kept, so that the next start need not compile them. Whoever can write
    /// there decides what code runs: it must belong to the user alone. None: nothing is kept.
    pub cache_dir: Option<PathBuf>,
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
    /// All of it runs with this trust.
    pub(crate) loaded: Arc<Loaded<Inner>>,
    // Last handle gone: the channel closes and the ticker ends.
    _ticker: Arc<mpsc::Sender<()>>,
}

impl Runtime {
    /// Sets up an engine.
    ///
    /// # Errors
    ///
    /// See [`RuntimeError`].
    pub fn new(options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let engine = Engine::new(&config(options)?).map_err(engine_error)?;
        let linker = linker(&engine).map_err(engine_error)?;
        let processors = Processors::new();
        let ticker = start_ticker(&engine, processors.clone())?;
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            volumes: VolumeRegistry::default(),
            processors,
            trust: Arc::default(),
            loaded: Arc::default(),
            _ticker: Arc::new(ticker),
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

fn config(options: &RuntimeOptions) -> Result<Config, RuntimeError> {
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
    if let Some(directory) = &options.cache_dir {
        config.cache(Some(cache(directory)?));
    }
    Ok(config)
}

fn cache(directory: &PathBuf) -> Result<Cache, RuntimeError> {
    let unusable = |reason: String| RuntimeError::Cache { directory: directory.clone(), reason };
    // wasmtime wants an absolute path; the directory need not exist yet.
    let absolute = std::path::absolute(directory).map_err(|error| unusable(error.to_string()))?;
    let mut cache = CacheConfig::new();
    cache.with_directory(absolute);
    Cache::new(cache).map_err(|error| unusable(format!("{error:#}")))
}

/// One thread for the whole process tells all running guests that a tick is over.
fn start_ticker(engine: &Engine, processors: Processors) -> Result<mpsc::Sender<()>, RuntimeError> {
    let (alive, ended) = mpsc::channel();
    let engine = engine.weak();
    let tick = move || {
        while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let Some(engine) = engine.upgrade() else { return };
            // First: whoever is called back because of the epoch finds that a tick is over.
            processors.tick();
            engine.increment_epoch();
        }
    };
    std::thread::Builder::new().name("wasm-roles-ticker".to_owned()).spawn(tick).map_err(engine_error)?;
    Ok(alive)
}
