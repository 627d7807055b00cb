//! Text as the path of a `RoleInstanceValue`: an error, or a value that is read again from what it is written as.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasm_roles_service_model::InstanceValue;

fuzz_target!(|path: &str| {
    if let Ok(value) = InstanceValue::parse(path) {
        assert_eq!(InstanceValue::parse(&value.to_string()), Ok(value));
    }
});
