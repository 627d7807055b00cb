//! How much of a request a guest can have in the host before it sends it.
//!
//! A request that is never sent lies in the guest's table of handles, where nobody counts its bytes. The host crate bounds
//! its scheme (64 bytes) and its fields; what it takes at any length is bounded here, in the functions that set it.
//! A part that is too long is answered as one that is malformed, and the request keeps what it had.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::p2::bindings::http::types as v0_2;
use wasmtime_wasi_http::p3::bindings::http::types as v0_3;
use wasmtime_wasi_http::{WasiHttpView, p2, p3};

use super::limits::{AUTHORITY_BYTES, METHOD_BYTES, PATH_BYTES};
use crate::sandbox::Sandbox;

/// What a setter answers.
type Answer = Result<(core::result::Result<(), ()>,)>;

type Request0_2 = Resource<p2::types::HostOutgoingRequest>;

type Request0_3 = Resource<p3::Request>;

/// Puts setters with bounds in the place of the host crate's.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> Result<()> {
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap("[method]outgoing-request.set-method", set_method_0_2)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority_0_2)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path_0_2)?;
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap("[method]request.set-method", set_method_0_3)?;
    types.func_wrap("[method]request.set-authority", set_authority_0_3)?;
    types.func_wrap("[method]request.set-path-with-query", set_path_0_3)
}

fn set_method_0_2(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, method): (Request0_2, v0_2::Method),
) -> Answer {
    if matches!(&method, v0_2::Method::Other(name) if name.len() > METHOD_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_2::HostOutgoingRequest::set_method(&mut store.data_mut().http(), request, method)?,))
}

fn set_authority_0_2(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, authority): (Request0_2, Option<String>),
) -> Answer {
    if is_longer(authority.as_deref(), AUTHORITY_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_2::HostOutgoingRequest::set_authority(&mut store.data_mut().http(), request, authority)?,))
}

fn set_path_0_2(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, path): (Request0_2, Option<String>),
) -> Answer {
    if is_longer(path.as_deref(), PATH_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_2::HostOutgoingRequest::set_path_with_query(&mut store.data_mut().http(), request, path)?,))
}

fn set_method_0_3(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, method): (Request0_3, v0_3::Method),
) -> Answer {
    if matches!(&method, v0_3::Method::Other(name) if name.len() > METHOD_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_3::HostRequest::set_method(&mut store.data_mut().http(), request, method)?,))
}

fn set_authority_0_3(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, authority): (Request0_3, Option<String>),
) -> Answer {
    if is_longer(authority.as_deref(), AUTHORITY_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_3::HostRequest::set_authority(&mut store.data_mut().http(), request, authority)?,))
}

fn set_path_0_3(
    mut store: StoreContextMut<'_, Sandbox>,
    (request, path): (Request0_3, Option<String>),
) -> Answer {
    if is_longer(path.as_deref(), PATH_BYTES) {
        return Ok((Err(()),));
    }
    Ok((v0_3::HostRequest::set_path_with_query(&mut store.data_mut().http(), request, path)?,))
}

fn is_longer(part: Option<&str>, bound: usize) -> bool {
    part.is_some_and(|part| part.len() > bound)
}
