//! `output-stream.write` of `wasi:io`, with the fastest copy that the machine has.
//!
//! wasmtime makes a `list<u8>` into a vector item by item, which the compiler turns into a loop over 16 bytes. Half of what a
//! stream between two instances costs is copying, so this takes the guest's memory as a slice and copies that. All else is
//! as in wasmtime-wasi-io: what is too much for the stream is refused by the stream, and the length of a list counts towards the
//! store's host call fuel before it gets here.

use bytes::Bytes;
use wasmtime::component::{Linker, Resource, WasmList};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::io::streams::{Host, StreamError};
use wasmtime_wasi::p2::{DynOutputStream, StreamResult};

/// Puts this `write` in the place of wasmtime-wasi-io's.
pub(crate) fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> Result<()> {
    linker.allow_shadowing(true);
    let added = linker
        .instance("wasi:io/streams@0.2.12")?
        .func_wrap("[method]output-stream.write", |store, (stream, bytes)| {
            Ok((write(store, &stream, &bytes)?,))
        });
    linker.allow_shadowing(false);
    added
}

fn write<T: WasiView>(
    mut store: StoreContextMut<'_, T>,
    stream: &Resource<DynOutputStream>,
    bytes: &WasmList<u8>,
) -> Result<core::result::Result<(), StreamError>> {
    let bytes = Bytes::copy_from_slice(bytes.as_le_slice(&store));
    let table = store.data_mut().ctx().table;
    let written: StreamResult<()> = table.get_mut(stream)?.write(bytes);
    Ok(match written {
        Ok(()) => Ok(()),
        Err(error) => Err(table.convert_stream_error(error)?),
    })
}
