//! Components that were made for any host of `wasi:http`, in Rust and in JavaScript, as web roles.

use std::net::SocketAddr;

use serde_json::json;

use crate::browser::{Browser, skipped};
use crate::host_process::{Host, free_port, root};
use crate::http_exchange::exchange;

/// Runs both until they are ready. Without the component that npm builds it says so, and the test is to end.
fn run() -> Option<(Host, SocketAddr, SocketAddr)> {
    let example = root().join("examples/stock-components");
    if !example.join("JavaScript/JavaScript.wasm").is_file() {
        skipped("it needs the component that `cargo xtask guests` builds where node and npm are");
        return None;
    }
    let [rust, javascript] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
    let publish = [format!("80={rust}"), format!("81={javascript}")];
    let arguments = ["--publish", &publish[0], "--publish", &publish[1]];
    let mut host = Host::run(&example.join("ServiceDefinition.csdef"), &arguments);
    host.wait_for("instances are Ready");
    Some((host, rust, javascript))
}

fn stop(mut host: Host) {
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}

#[test]
fn stock_components_answer_as_web_roles() {
    let Some((host, rust, javascript)) = run() else { return };
    let mirror = exchange(rust, "PUT", "/a?b=c&d", &[("x-visitor", "<Ada>")], "ignored").expect("an answer");
    assert_eq!((mirror.status, mirror.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(mirror.text().contains("<code id=\"request\">PUT /a?b=c&amp;d</code>"), "{}", mirror.text());
    assert!(mirror.text().contains("x-visitor</th><td>&lt;Ada&gt;</td>"), "{}", mirror.text());

    let shout = exchange(javascript, "POST", "/shout", &[("content-type", "text/plain")], "žluťoučký");
    let shout = shout.expect("an answer");
    assert_eq!((shout.status, shout.text()), (200, "ŽLUŤOUČKÝ"));
    assert_eq!(exchange(javascript, "GET", "/nothing", &[], "").expect("an answer").status, 404);
    // Its clock and its chance are those of WASI.
    let dice = exchange(javascript, "GET", "/dice", &[], "").expect("an answer");
    let dice: serde_json::Value = serde_json::from_slice(&dice.body).expect("JSON");
    assert!(dice["dice"].as_u64().is_some_and(|dice| (1..=6).contains(&dice)), "{dice}");
    assert!(dice["rolled"].as_str().is_some_and(|time| time.starts_with("20")), "{dice}");
    stop(host);
}

#[test]
fn a_browser_shows_the_pages_of_stock_components() {
    let Some(browser) = Browser::start() else { return };
    let Some((host, rust, javascript)) = run() else { return };
    browser.open(&format!("http://{rust}/a?b=c"));
    assert_eq!(browser.text("h1"), "Hello from Rust");
    assert_eq!(browser.text("#request"), "GET /a?b=c");
    browser.open(&format!("http://{javascript}/?name=%3Cb%3EAda%3C/b%3E"));
    assert_eq!(browser.text("h1"), "Hello from JavaScript");
    assert_eq!(browser.text("#greeting"), "Good day, <b>Ada</b>.");
    assert_eq!(browser.script("return document.querySelectorAll('b').length"), json!(0));
    drop(browser);
    stop(host);
}
