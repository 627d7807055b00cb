//! The guestbook, over HTTP and in a real browser.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::browser::Browser;
use crate::host_process::{Host, free_port, root};
use crate::http_exchange::exchange;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn example() -> PathBuf {
    root().join("examples/guestbook")
}

/// Runs it until all of it is ready.
fn run(arguments: &[&str]) -> (Host, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let publish = format!("80={address}");
    let arguments: Vec<&str> = ["--publish", &publish].into_iter().chain(arguments.iter().copied()).collect();
    let mut host = Host::run(&example().join("ServiceDefinition.csdef"), &arguments);
    host.wait_for("instances are Ready");
    (host, address)
}

fn stop(mut host: Host) {
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}

#[test]
fn the_page_of_the_guestbook_says_how_to_run_it() {
    let page = fs::read_to_string(example().join("README.md")).expect("the page is there");
    let command = page.lines().find_map(|line| line.strip_prefix("cargo run -p wasm-roles -- run "));
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let command = command.expect("the page has the command").replace("127.0.0.1:8080", &address.to_string());
    let mut words = command.split_whitespace();
    let definition = root().join(words.next().expect("a definition"));
    let mut host = Host::run(&definition, &words.collect::<Vec<_>>());
    host.wait_for("instances are Ready");
    let form = "name=Ada&text=Good+day";
    let signed = exchange(address, "POST", "/entries", &[FORM], form).expect("an answer");
    assert_eq!((signed.status, signed.header("location")), (303, Some("/#entry-1")));
    let book = exchange(address, "GET", "/", &[], "").expect("an answer");
    assert!(book.text().contains("<bdi>Ada</bdi>"), "{}", book.text());
    for line in page.lines().filter(|line| line.starts_with("Checker_IN_") || line.starts_with("Entries_IN_"))
    {
        assert_eq!(host.wait_for(line), line);
    }
    stop(host);
}

#[test]
fn the_guestbook_turns_away_spam_and_forms_of_other_sites() {
    let (host, address) = run(&[]);
    let post = |headers: &[(&str, &str)], body| {
        exchange(address, "POST", "/entries", headers, body).expect("an answer")
    };
    let spam = post(&[FORM], "name=Eve&text=Win+at+the+Casino");
    assert_eq!(spam.status, 422);
    assert!(spam.text().contains("“casino” is not welcome here"), "{}", spam.text());
    assert!(spam.text().contains("Win at the Casino</textarea>"), "{}", spam.text());
    assert_eq!(post(&[FORM, ("origin", "http://evil.example")], "name=Eve&text=hello").status, 403);
    let own = format!("http://{address}");
    assert_eq!(post(&[FORM, ("origin", &own)], "name=Ada&text=hello").status, 303);
    assert_eq!(post(&[FORM], &format!("name=Ada&text={}", "x".repeat(20_000))).status, 413);
    let book = exchange(address, "GET", "/", &[], "").expect("an answer");
    assert_eq!(book.text().matches("<li id=").count(), 1, "{}", book.text());
    stop(host);
}

#[test]
fn the_book_is_kept_from_run_to_run() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().to_str().expect("its name is text");
    for (name, number) in [("Ada", 1), ("Bob", 2)] {
        let (host, address) = run(&["--data-dir", data]);
        let signed = exchange(address, "POST", "/entries", &[FORM], &format!("name={name}&text=hello"));
        let location = format!("/#entry-{number}");
        assert_eq!(signed.expect("an answer").header("location"), Some(location.as_str()));
        stop(host);
    }
}

#[test]
fn a_browser_signs_the_guestbook_and_sees_the_entry_from_both_instances() {
    let Some(browser) = Browser::start() else { return };
    let (host, address) = run(&[]);
    let port = address.port();
    browser.open(&format!("http://first.test:{port}/"));
    // The style, the drawing and the script have come.
    let style = "return [getComputedStyle(document.querySelector('header')).display, \
         getComputedStyle(document.querySelector('form')).borderTopLeftRadius]";
    assert_eq!(browser.script(style), json!(["flex", "8px"]));
    browser.wait_until("return document.querySelector('header img').naturalWidth > 0");

    let name = "<b>Ada</b> & \"Žofie\"";
    let text = "<script>document.title = 'stolen'</script><img src=x onerror=alert(1)>\nΕλληνικά, žluťoučký kůň ☃ &amp;";
    sign(&browser, name, text);
    let shows_entry = |browser: &Browser| {
        assert_eq!(browser.text("#entry-1 h3"), name);
        assert_eq!(browser.text("#entry-1 p"), text);
        assert_eq!(browser.script("return document.querySelectorAll('.entries > li').length"), json!(1));
        let markup = "return document.querySelectorAll('.entries :is(script, img, b)').length";
        assert_eq!(browser.script(markup), json!(0), "nothing of it is markup");
        assert_eq!(browser.script("return document.title"), json!("Guestbook"));
    };
    shows_entry(&browser);
    let first = browser.text("#instance");
    browser.reload();
    shows_entry(&browser);

    // Each visitor has connections of its own, and each connection goes to an instance.
    let mut visitors = 1..=40;
    let other = visitors.find(|visitor| {
        // However many connections a visit takes, every other visit begins with another instance.
        if visitor % 2 == 0 {
            exchange(address, "GET", "/", &[], "").expect("an answer");
        }
        browser.open(&format!("http://visitor-{visitor}.test:{port}/"));
        browser.text("#instance") != first
    });
    assert!(other.is_some(), "40 visitors, and all of them came to {first}");
    shows_entry(&browser);

    browser.type_into("#name", "Eve");
    browser.type_into("#text", "Lottery!");
    browser.click("button");
    browser.wait_until("return document.querySelector('#problem') !== null");
    assert_eq!(browser.text("#problem"), "The word “lottery” is not welcome here.");
    assert_eq!(browser.script("return document.querySelector('#text').value"), json!("Lottery!"));
    shows_entry(&browser);
    if let Some(picture) = std::env::var_os("WASM_ROLES_SCREENSHOT") {
        browser.open(&format!("http://first.test:{port}/"));
        sign(
            &browser,
            "Grace",
            "A whole service in one process, and each role in a sandbox of its own.\nNice.",
        );
        browser.open(&format!("http://first.test:{port}/"));
        take_picture(&browser, &root().join(picture));
    }
    drop(browser);
    stop(host);
}

/// Fills the form, sees that the script counts, sends it, and waits for the page with the entry.
fn sign(browser: &Browser, name: &str, text: &str) {
    browser.type_into("#name", name);
    browser.type_into("#text", text);
    let left = 500 - text.chars().count();
    assert_eq!(browser.text("#left"), format!("{left} characters left."));
    browser.click("button");
    browser.wait_until("return location.hash.startsWith('#entry-')");
}

/// Writes what the browser shows to a file.
fn take_picture(browser: &Browser, path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is there");
    let file = fs::File::create(path).expect("the file can be written");
    let mut base64 = Command::new("base64");
    let mut decoding =
        base64.arg("--decode").stdin(Stdio::piped()).stdout(file).spawn().expect("base64 is installed");
    let mut input = decoding.stdin.take().expect("its input is piped");
    std::io::Write::write_all(&mut input, browser.screenshot().as_bytes()).expect("base64 reads");
    drop(input);
    assert!(decoding.wait().expect("it is our child").success());
}
