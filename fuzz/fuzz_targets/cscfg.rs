//! Bytes as the configuration of one definition; see `csdef`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasm_roles_service_model::{Options, Source};

#[path = "../../host/service-model/tests/promises/mod.rs"]
mod promises;

const DEFINITION: &str = include_str!("../../host/service-model/tests/ok/worker.csdef");

fuzz_target!(|bytes: &[u8]| {
    let Ok(configuration) = Source::decode("a.cscfg", bytes) else { return };
    let definition = promises::source("a.csdef", DEFINITION);
    let options = Options::default();
    if let Some(model) = promises::read(&definition, Some(&configuration), &options).model {
        promises::assert_comes_back(&model, promises::From::BothFiles, &options);
    }
});
