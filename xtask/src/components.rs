//! Which role components this workspace has, and where each has to lie. The one place that knows.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The package of the Rust SDK, whose examples are whole roles.
pub const SDK: &str = "wasm-roles-sdk";

/// The package that makes the C SDK's bindings.
pub const C_BINDINGS: &str = "wasm-roles-c-bindings";

/// The examples of the SDK.
pub const SDK_EXAMPLES: &[&str] = &["echo", "ticker", "hello-web"];

/// The components of the example services: package, and the files to copy it to, below `examples/`.
pub const EXAMPLES: &[(&str, &[&str])] = &[
    ("myservice-web-role", &["myservice/WebRole1/WebRole1.wasm"]),
    (
        "myservice-worker-role",
        &["myservice/WorkerRole1/WorkerRole1.wasm", "myservice/WorkerRole2/WorkerRole2.wasm"],
    ),
    ("guestbook-web", &["guestbook/Web/Web.wasm"]),
    ("guestbook-entries", &["guestbook/Entries/Entries.wasm"]),
    ("guestbook-checker", &["guestbook/Checker/Checker.wasm"]),
    ("lifecycle-worker", &["lifecycle/Worker/Worker.wasm"]),
    ("stock-components-rust", &["stock-components/Rust/Rust.wasm"]),
    // `wasm-roles build` puts it where it belongs, with those in other languages.
    ("polyglot-ledger", &[]),
    ("plain-programs-server", &["plain-programs/Server/server.wasm"]),
    ("plain-programs-client", &["plain-programs/Client/client.wasm"]),
];

/// The example whose roles are in several languages: `wasm-roles build` builds it.
pub const POLYGLOT: &str = "examples/polyglot/ServiceDefinition.csdef";

/// The test roles in Rust that tests build with `wasm-roles build`.
pub const LANGUAGE_GUESTS: &[&str] = &["languages-rust-cells"];

/// The components that npm builds: the folder of the package, and the file that its script `build` makes, below `examples/`.
pub const NPM_EXAMPLES: &[(&str, &str)] =
    &[("stock-components/handler-in-javascript", "stock-components/JavaScript/JavaScript.wasm")];

/// The example roles with unit tests of their own, which run on this machine: packages that nothing else builds for it.
pub const TESTED_EXAMPLES: &[&str] = &[
    "lifecycle-worker",
    "guestbook-wire",
    "guestbook-web",
    "guestbook-entries",
    "guestbook-checker",
    "polyglot-ledger",
];

/// Test guests that are what somebody makes without the SDK. They are built in a go of cargo of their own: what is built
/// together gets the features that any of it asks for, and the SDK asks `wit-bindgen` for one that costs time.
pub const STOCK_GUESTS: &[&str] = &["bench-network-p3", "hello-http-stock"];

/// The names of the test guests: the folders of `tests/guests`. Guest `x` is the package `guest-x`, and is copied to
/// `target/guests/x.wasm`.
pub fn test_guests(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("tests/guests");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
