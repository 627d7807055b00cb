//! What a role may import: WASI 0.2 and 0.3 with our sockets and quotas in place of the stock ones, the types of
//! `wasi:http` and requests that go out through the instance's own network, and the role environment. Nothing else is
//! linked: a component that imports more is refused when it is loaded.

use wasm_roles_wasi_sockets as sockets;
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView, p2, p3};

use crate::environment;
use crate::http;
use crate::sandbox::Sandbox;
use crate::storage;

pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    sockets::wasi::p2::add_to_linker_without_filesystem(&mut linker)?;
    sockets::wasi::p3::add_to_linker_without_filesystem(&mut linker)?;
    storage::add_to_linker(&mut linker)?;
    sockets::p2::add_to_linker(&mut linker, Sandbox::sockets)?;
    sockets::p3::add_to_linker(&mut linker, Sandbox::sockets)?;
    p2::bindings::http::types::add_to_linker::<_, WasiHttp>(
        &mut linker,
        &p2::bindings::LinkOptions::default().into(),
        Sandbox::http,
    )?;
    p3::bindings::http::types::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
    p2::bindings::http::outgoing_handler::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
    p3::bindings::http::client::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
    http::add_to_linker(&mut linker)?;
    environment::add_to_linker(&mut linker, Sandbox::environment)?;
    Ok(linker)
}
