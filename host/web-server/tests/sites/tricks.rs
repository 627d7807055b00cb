//! Nothing outside the directory is ever sent, and nothing in it that is not content.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use crate::bed::{Bed, PORT, in_words, request};

const SECRET: &[u8] = b"SECRET";

fn bed() -> Bed {
    let bed = Bed::with(&[("a.txt", b"a"), ("dir/b.txt", b"b"), ("dir/index.html", b"i")]);
    fs::write(bed.around().join("secret.txt"), SECRET).unwrap();
    fs::create_dir(bed.around().join("content-beside")).unwrap();
    fs::write(bed.around().join("content-beside/secret.txt"), SECRET).unwrap();
    bed
}

#[tokio::test]
async fn tricks_with_paths_find_nothing() {
    let bed = bed();
    let targets = [
        "/../secret.txt",
        "/dir/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/dir/..%5c..%5csecret.txt",
        "//secret.txt",
        "/../content-beside/secret.txt",
        "/-beside/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/C:/Windows/win.ini",
        "/a.txt::$DATA",
        "/a.txt:x",
        "/a.txt.",
        "/a.txt%20",
        "/./a.txt",
        "/dir//b.txt",
        "/a.txt/../a.txt",
        "/dir/./b.txt",
        "/dir%2fb.txt",
        "/%252e%252e/secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/a.txt%00.html",
        "/a.txt/.",
        "/dir/..",
    ];
    for target in targets {
        let status = bed.status(target).await;
        assert!(matches!(status, 400 | 404), "{target}: {status}");
    }
    let long = format!("/{}", "a/".repeat(20_000));
    assert_eq!(bed.status(&long).await, 404);
    assert_eq!(bed.status("/a.txt").await, 200);
}

#[tokio::test]
async fn settings_keys_sources_and_components_are_not_content() {
    let hidden = [
        ".env",
        ".git/config",
        "web.config",
        "bin/role.js",
        "App_Data/users.xml",
        "Svc.csdef",
        "Svc.cscfg",
        "tls.pem",
        "tls.key",
        "default.aspx",
        "dir.x/.htpasswd",
    ];
    let files: Vec<(&str, &[u8])> = hidden.iter().map(|name| (*name, SECRET)).collect();
    let bed = Bed::with(&files);
    bed.write("Role.wasm", b"\0asm\x0d\0\x01\0 and so on");
    bed.write("page.wasm", b"\0asm\x01\0\0\0 and so on");
    bed.write(".well-known/acme-challenge/token", b"proof");
    // Packed by hand, a component is still one; what is packed without its plain form could be one.
    for name in ["Role.wasm.gz", "Role.wasm.br", "alone.wasm.br", "page.wasm.gz"] {
        bed.write(name, b"packed");
    }
    let components = ["Role.wasm", "ROLE.WASM", "Role.wasm.gz", "Role.wasm.br", "alone.wasm.br"];
    for name in hidden.iter().chain(&components) {
        assert_eq!(bed.status(&format!("/{name}")).await, 404, "{name}");
    }
    let module = bed.get("/page.wasm", &[]).await;
    assert_eq!(
        (module.field("content-type"), &module.body[..8]),
        ("application/wasm", b"\0asm\x01\0\0\0".as_slice())
    );
    assert_eq!(bed.get("/page.wasm.gz", &[]).await.text(), "packed");
    assert_eq!(bed.get("/.well-known/acme-challenge/token", &[]).await.text(), "proof");
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_inside_and_not_out() {
    use std::os::unix::fs::symlink;
    let bed = bed();
    let link = |to: &str, name: &str| symlink(to, bed.content().join(name)).unwrap();
    link("dir/b.txt", "inside.txt");
    link("dir", "linked");
    link("../secret.txt", "up.txt");
    link("..", "up");
    link(bed.around().join("secret.txt").to_str().unwrap(), "absolute.txt");
    link(bed.content().join("a.txt").to_str().unwrap(), "absolute-inside.txt");
    link("round.txt", "round.txt");
    link("/proc/self/environ", "environment.txt");
    link("gone.txt", "dangling.txt");
    fs::create_dir(bed.content().join("index-out")).unwrap();
    link("../../secret.txt", "index-out/index.html");
    link("../secret.txt", "a.txt.gz");
    let found = ["/inside.txt", "/linked/b.txt", "/linked/"];
    let refused = [
        "/up.txt",
        "/up/secret.txt",
        "/up/content/a.txt",
        "/absolute.txt",
        "/absolute-inside.txt",
        "/round.txt",
        "/environment.txt",
        "/dangling.txt",
        "/index-out/",
        "/index-out",
        "/up/",
    ];
    for target in found {
        assert_eq!(bed.status(target).await, 200, "{target}");
    }
    for target in refused {
        assert_eq!(bed.status(target).await, 404, "{target}");
    }
    assert_eq!(bed.get("/a.txt", &[("accept-encoding", "gzip")]).await.text(), "a");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_or_may_not_be_read_is_not_there() {
    use std::os::unix::fs::PermissionsExt;
    let bed = bed();
    let made = std::process::Command::new("mkfifo").arg(bed.content().join("pipe.txt")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(bed.content().join("socket.txt")).unwrap();
    let closed = bed.content().join("closed.txt");
    fs::write(&closed, SECRET).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything can read it still.
    let closed_to_us = fs::read(&closed).is_err();
    let sites = bed.sites();
    for target in ["/pipe.txt", "/socket.txt"] {
        let request = request("GET", target, &[]);
        let answer = tokio::time::timeout(Duration::from_secs(10), sites.answer(PORT, &request));
        assert_eq!(in_words(&answer.await.expect("opening it waits")), "404", "{target}");
    }
    if closed_to_us {
        assert_eq!(bed.status("/closed.txt").await, 404);
    }
}

/// Pieces that paths which lead out are made of, and some that lead nowhere.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "..",
        ".",
        "",
        "/",
        "//",
        "\\",
        "%2e",
        "%2e%2e",
        "%2f",
        "%5c",
        "%00",
        "%",
        "%c0%ae",
        "secret.txt",
        "content",
        "dir",
        "a.txt",
        "b.txt",
        "out",
        "up",
        "content-beside",
        "etc",
        "passwd",
        ":",
        "::$DATA",
        "C:",
        "~",
        " ",
        "%20",
        "*",
        "?",
        "%252e",
        "%u002e",
        ";",
        "\u{2025}",
        "\u{ff0e}",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,4}",
        1 => (0_u8..=255).prop_map(|byte| format!("%{byte:02x}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_path_leads_out_of_the_directory(pieces in proptest::collection::vec((piece(), prop_oneof![4 => Just("/"), 1 => Just("")]), 0..8)) {
        let path: String = std::iter::once("/".to_owned())
            .chain(pieces.into_iter().flat_map(|(piece, slash)| [piece, slash.to_owned()]))
            .collect();
        let Ok(target) = http::Uri::try_from(path.as_str()) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let got = runtime.block_on(async {
            let bed = bed();
            #[cfg(unix)]
            for (to, name) in [("..", "up"), ("../secret.txt", "out"), ("/etc", "etc")] {
                std::os::unix::fs::symlink(to, bed.content().join(name)).unwrap();
            }
            bed.get(&target.to_string(), &[]).await
        });
        if got.status.is_success() {
            prop_assert!(["a", "b", "i"].contains(&got.text()), "{path}: {got:?}");
        } else {
            prop_assert!([400, 404, 301].contains(&got.status.as_u16()), "{path}: {got:?}");
            prop_assert!(!got.field("location").starts_with("//"), "{path}: {got:?}");
        }
    }
}
