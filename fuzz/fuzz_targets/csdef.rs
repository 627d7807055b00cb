//! Bytes as a definition: every reading keeps its promises, and every model comes back when it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasm_roles_service_model::{Options, Source};

#[path = "../../host/service-model/tests/promises/mod.rs"]
mod promises;

fuzz_target!(|bytes: &[u8]| {
    let Ok(definition) = Source::decode("a.csdef", bytes) else { return };
    let options = Options::default();
    if let Some(model) = promises::read(&definition, None, &options).model {
        promises::assert_comes_back(&model, promises::From::Definition, &options);
    }
});
