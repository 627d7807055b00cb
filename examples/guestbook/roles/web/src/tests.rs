//! The role, without a host: `cargo test -p guestbook-web`. There is no network here, so the book is never reached.

use guestbook_wire::book::Entry;
use wasm_roles_sdk::Protocol;
use wasm_roles_sdk::http::{Method, Response};
use wasm_roles_sdk::testing::{DefinedRole, HttpRequest, Installed, TestEnvironment};

use super::*;

fn environment() -> Installed {
    let web = DefinedRole::new("Web").instances(2).input_endpoint("Http", Protocol::Http, 80);
    TestEnvironment::new(web)
        .role(DefinedRole::new("Entries").internal_endpoint("Book", Protocol::Tcp, 20000))
        .role(DefinedRole::new("Checker").internal_endpoint("Check", Protocol::Tcp, 20001))
        .setting("Title", "Ada & Co")
        .install()
}

fn post(body: &str) -> HttpRequest {
    HttpRequest::new(Method::Post, "/entries")
        .with_header("host", "localhost:8080")
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_body(body)
}

fn handle(request: HttpRequest) -> Response {
    environment().start::<Web>().unwrap().handle(request)
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn what_visitors_wrote_and_typed_shows_as_they_did() {
    let _environment = environment();
    let entry = |number| {
        let draft = Draft::new("<i>Eve</i>", "<script>steal()</script>\n\"second\"").unwrap();
        Entry { number, seconds: 0, draft }
    };
    let form = Form { name: "\"><b>".to_owned(), text: "</textarea><script>".to_owned() };
    let page = Page { entries: &[entry(2), entry(1)], older: Some(0), form: &form, problem: Some("<no>") };
    let page = page.to_html();
    for shown in [
        "<title>Ada &amp; Co</title>",
        "<li id=\"entry-2\">\n<h3><bdi>&lt;i&gt;Eve&lt;/i&gt;</bdi></h3>",
        "&lt;script&gt;steal()&lt;/script&gt;\n&quot;second&quot;</p>",
        "value=\"&quot;&gt;&lt;b&gt;\"",
        "\n&lt;/textarea&gt;&lt;script&gt;</textarea>",
        "role=\"alert\">&lt;no&gt;</p>",
        "href=\"/?newest=0\"",
        "<b id=\"instance\">Web_IN_0</b>",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert_eq!(page.matches("<script").count(), 1, "its own");
}

#[test]
fn a_form_that_cannot_be_taken_comes_back_with_the_reason() {
    let response = handle(post("name=Ada&text=+"));
    assert_eq!(response.status(), 422);
    assert!(text(&response).contains("role=\"alert\">Please write something.</p>"));
    assert!(text(&response).contains("value=\"Ada\""));
}

#[test]
fn a_book_out_of_reach_is_said_and_nothing_typed_is_lost() {
    let response = handle(post("name=Ada&text=hello"));
    assert_eq!(response.status(), 503);
    assert!(text(&response).contains("cannot be reached") && text(&response).contains("\nhello</textarea>"));
    assert_eq!(handle(HttpRequest::new(Method::Get, "/")).status(), 503);
}

#[test]
fn requests_that_no_visitor_makes_are_turned_away() {
    for (request, status) in [
        (post("name=Ada&text=hello").with_header("origin", "http://evil.example"), 403),
        (post("name=Ada&text=hello").with_header("sec-fetch-site", "cross-site"), 403),
        (HttpRequest::new(Method::Post, "/entries").with_body("name=Ada&text=hello"), 415),
        (post(&"x".repeat(MAX_FORM + 1)), 413),
        (HttpRequest::new(Method::Get, "/entries"), 405),
        (HttpRequest::new(Method::Delete, "/"), 405),
        (HttpRequest::new(Method::Get, "/etc/passwd"), 404),
    ] {
        let response = handle(request.clone());
        assert_eq!(response.status(), status, "{request:?}");
        assert!(response.headers().iter().any(|(name, _)| name == "content-security-policy"));
    }
}
