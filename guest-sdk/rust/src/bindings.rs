//! What `wit-bindgen` makes of the contract, `wit/role.wit`.
#![allow(missing_docs, reason = "generated")]
#![allow(unsafe_code, reason = "generated: the canonical ABI is raw memory")]
#![allow(clippy::all, clippy::restriction, clippy::pedantic, reason = "generated")]

wit_bindgen::generate!({
    path: "wit",
    world: "wasm-roles:role/worker-role",
    default_bindings_module: "wasm_roles_sdk::bindings",
    export_macro_name: "export_worker_role",
    pub_export_macro: true,
});
