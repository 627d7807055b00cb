//! The same guests over the sockets of the operating system, as wasmtime-wasi gives them: what ours are compared with.

use std::sync::OnceLock;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bed::{Version, engine, guest, store};

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

struct Host {
    engine: Engine,
    linker: Linker<State>,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let engine = engine();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        wasmtime_wasi::p3::add_to_linker(&mut linker).unwrap();
        Host { engine, linker }
    })
}

/// Runs a guest to its end; gives what it printed. It may bind what it likes; nothing that it sends leaves the loopback
/// of the machine.
pub async fn run(version: Version, command: &str) -> String {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let mut wasi = WasiCtx::builder();
    wasi.arg("sockets").args(&command.split(' ').collect::<Vec<_>>()).stdout(stdout.clone()).inherit_stderr();
    wasi.inherit_network().allow_tcp(true).allow_udp(true).socket_addr_check(|address, usage| {
        let stays =
            matches!(usage, SocketAddrUse::TcpBind | SocketAddrUse::UdpBind | SocketAddrUse::TcpListen)
                || address.ip().is_loopback();
        Box::pin(async move { stays })
    });
    let state = State { wasi: wasi.build(), table: ResourceTable::new() };
    let Host { engine, linker } = host();
    let mut store = store(engine, state);
    let ended = tokio::time::timeout(PATIENCE, async {
        match version {
            Version::V0_2 => {
                let component = guest(engine, "sockets-p2");
                let command =
                    wasmtime_wasi::p2::bindings::Command::instantiate_async(&mut store, &component, linker);
                command.await?.wasi_cli_run().call_run(&mut store).await
            }
            Version::V0_3 => {
                let component = guest(engine, "sockets-p3");
                let command =
                    wasmtime_wasi::p3::bindings::Command::instantiate_async(&mut store, &component, linker);
                let command = command.await?;
                store.run_concurrent(async |accessor| command.wasi_cli_run().call_run(accessor).await).await?
            }
        }
    });
    let ended = ended.await;
    let said = String::from_utf8(stdout.contents().to_vec()).unwrap();
    ended
        .unwrap_or_else(|_| panic!("`{command}` over stock {version:?} hangs after {said:?}"))
        .unwrap_or_else(|error| {
            panic!("`{command}` over stock {version:?} trapped after {said:?}: {error:?}")
        })
        .unwrap();
    said.trim_end().to_owned()
}
