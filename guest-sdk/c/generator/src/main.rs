//! Makes the bindings anew.

fn main() -> anyhow::Result<()> {
    wasm_roles_c_bindings::write()
}
