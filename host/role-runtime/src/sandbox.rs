//! Everything that one instance holds: the data of its store.

use std::sync::Arc;

use wasm_roles_virtual_network::{Interface, MemoryBudget};
use wasm_roles_wasi_sockets::SocketsView;
use wasmtime::Store;
use wasmtime::component::{ResourceTable, ResourceTableError};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::control::Control;
use crate::cpu::Share;
use crate::engine::Runtime;
use crate::environment::Environment;
use crate::http::{Outgoing, WebHooks};
use crate::instance::InstanceSpec;
use crate::limits::Limiter;
use crate::storage::{Storage, StorageView, Volumes};

pub(crate) struct Sandbox {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    web_hooks: WebHooks,
    table: ResourceTable,
    interface: Interface,
    environment: Environment,
    storage: Storage,
    limiter: Limiter,
}

impl Sandbox {
    pub(crate) fn sockets(&mut self) -> SocketsView<'_> {
        SocketsView { interface: &self.interface, table: &mut self.table }
    }

    pub(crate) fn storage(&mut self) -> StorageView<'_> {
        let stock = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        StorageView { stock, storage: &mut self.storage }
    }

    /// What the end of the instance says of limits that it has reached, when `error` ended it.
    pub(crate) fn limits_reached(&mut self, error: &wasmtime::Error) -> String {
        // Most calls of WASI tell the guest that there are no more handles, in an error code, and nobody else.
        if matches!(self.table.push(()), Err(ResourceTableError::Full)) {
            self.limiter.handles_used_up();
        }
        self.limiter.because(error, self.interface.refused_sockets())
    }

    /// What the guest has handles to.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// What the host keeps for the guest counts here, as the guest's own memory does.
    pub(crate) fn memory(&self) -> &Arc<MemoryBudget> {
        self.interface.memory()
    }

    pub(crate) fn environment(&mut self) -> &mut Environment {
        &mut self.environment
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.web_hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// A store for one incarnation, or for a program beside it. It computes with `share`, which has to be driven for that.
/// All stores of one incarnation send their requests through one `outgoing`.
///
/// # Errors
///
/// When a directory of the specification cannot be opened, or measured.
pub(crate) async fn store(
    runtime: &Runtime,
    interface: Interface,
    outgoing: Arc<Outgoing>,
    spec: &InstanceSpec,
    control: Arc<Control>,
    share: Share,
) -> Result<Store<Sandbox>, String> {
    let volumes = Volumes::attach(&runtime.volumes, &spec.preopens).await?;
    let mut table = ResourceTable::new();
    table.set_max_capacity(spec.limits.resources);
    let memory = Arc::clone(interface.memory());
    let limiter = Limiter::new(spec.limits, spec.stderr.clone()).within(memory);
    let sandbox = Sandbox {
        wasi: wasi(spec)?,
        http: WasiHttpCtx::new(),
        web_hooks: WebHooks::new(outgoing),
        table,
        interface,
        environment: Environment { view: Arc::clone(&spec.environment), control },
        storage: Storage::new(volumes),
        limiter,
    };
    let mut store = Store::new(&runtime.engine, sandbox);
    store.limiter(|sandbox| &mut sandbox.limiter);
    store.set_hostcall_fuel(spec.limits.call_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| Ok(share.tick_over()));
    Ok(store)
}

fn wasi(spec: &InstanceSpec) -> Result<WasiCtx, String> {
    let mut builder = WasiCtx::builder();
    builder
        .args(&spec.arguments)
        .envs(&spec.variables)
        .stdout(spec.stdout.clone())
        .stderr(spec.stderr.clone())
        .wall_clock(spec.clock)
        .monotonic_clock(spec.clock)
        .secure_random(spec.seed.derive("secure").generator())
        .insecure_random(spec.seed.derive("insecure").generator())
        .insecure_random_seed(seed_number(spec))
        // The stock sockets are not linked; should they ever be by mistake, they stay shut.
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    for preopen in &spec.preopens {
        let permissions = if preopen.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        builder.preopened_dir(&preopen.directory, &preopen.guest_path, permissions).map_err(|error| {
            format!("the directory {} cannot be opened: {error:#}", preopen.directory.display())
        })?;
    }
    Ok(builder.build())
}

fn seed_number(spec: &InstanceSpec) -> u128 {
    use rand::Rng;
    let mut bytes = [0; 16];
    spec.seed.derive("seed").generator().fill_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}
