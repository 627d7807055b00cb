//! Which request is answered by whom.

use std::time::Duration;

use wasm_roles_web_server::sites::{Answer, Binding, Place, Site, Sites};

use crate::bed::{Bed, PORT, got, in_words, options, request, sites_of};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn files_come_first_then_the_application_and_without_one_an_error() {
    let bed = Bed::with(&[("a.txt", b"a"), ("dir/index.html", b"i"), ("empty/x/y", b"")]);
    let (with, alone) = (bed.sites_with(true, HOUR), bed.sites_with(false, HOUR));
    let cases = [
        ("GET", "/a.txt", "file", "file"),
        ("GET", "/a.txt?a=b", "file", "file"),
        ("GET", "/%61.txt", "file", "file"),
        ("HEAD", "/a.txt", "file", "file"),
        ("GET", "http://example/a.txt", "file", "file"),
        ("GET", "/dir/", "file", "file"),
        ("GET", "/dir", "301", "301"),
        ("GET", "/empty", "application", "404"),
        ("GET", "/empty/", "application", "404"),
        ("GET", "/a.txt/", "application", "404"),
        ("GET", "/a.txt/x", "application", "404"),
        ("GET", "/", "application", "404"),
        ("GET", "/b.txt", "application", "404"),
        ("GET", "/A.txt", "application", "404"),
        ("GET", "/../a.txt", "application", "404"),
        ("GET", "/%zz", "application", "400"),
        ("POST", "/a.txt", "application", "405"),
        ("OPTIONS", "/a.txt", "application", "405"),
        ("OPTIONS", "*", "application", "404"),
        ("DELETE", "/dir/", "application", "405"),
        ("POST", "/dir", "application", "405"),
        ("POST", "/b.txt", "application", "404"),
        ("POST", "/%zz", "application", "400"),
        ("BREW", "/a.txt", "application", "405"),
    ];
    for (method, target, of_both, of_files) in cases {
        let request = request(method, target, &[]);
        assert_eq!(in_words(&with.answer(PORT, &request).await), of_both, "{method} {target}");
        assert_eq!(in_words(&alone.answer(PORT, &request).await), of_files, "{method} {target}");
    }
    let refused = got(alone.answer(PORT, &request("PUT", "/a.txt", &[])).await).await;
    assert_eq!(refused.field("allow"), "GET, HEAD");
}

#[tokio::test]
async fn without_sites_everything_is_the_applications() {
    let answer = Sites::default().answer(PORT, &request("GET", "/a.txt", &[])).await;
    assert!(matches!(answer, Answer::Application));
    assert!(!Sites::default().has_files());
}

#[tokio::test]
async fn each_site_has_its_own_files_and_a_host_without_one_has_nobody() {
    let (one, two) = (Bed::with(&[("one.txt", b"1")]), Bed::with(&[("two.txt", b"2")]));
    let site = |bed: &Bed, host: &str| Site {
        bindings: vec![Binding { port: PORT, host: Some(host.to_owned()) }],
        root: Place { directory: Some(bed.directory()), children: vec![] },
    };
    let sites = Sites::new(vec![site(&one, "one.example"), site(&two, "Two.example")], options(true, HOUR));
    assert!(sites.has_files());
    let cases = [
        ("one.example", "/one.txt", "file"),
        ("one.example", "/two.txt", "application"),
        ("TWO.example:8080", "/two.txt", "file"),
        ("three.example", "/one.txt", "no site"),
    ];
    for (host, path, who) in cases {
        let mut of_field = request("GET", path, &[]);
        of_field.headers.insert("host", host.parse().unwrap());
        assert_eq!(in_words(&sites.answer(PORT, &of_field).await), who, "{host} {path}");
        // HTTP/2 has the host in the target, and so may HTTP/1.1; then the field does not count.
        let of_target = request("GET", &format!("http://{host}{path}"), &[("host", "one.example")]);
        let mut of_target = of_target;
        of_target.headers.insert("host", "one.example".parse().unwrap());
        assert_eq!(in_words(&sites.answer(PORT, &of_target).await), who, "{host} {path}");
    }
    let other_port = 8081.try_into().unwrap();
    assert!(matches!(sites.answer(other_port, &request("GET", "/", &[])).await, Answer::NoSite));
}

#[tokio::test]
async fn virtual_directories_and_applications_have_files_of_their_own_or_none() {
    let root = Bed::with(&[("a.txt", b"root"), ("app/a.txt", b"hidden"), ("api/a.txt", b"hidden")]);
    let app = Bed::with(&[("a.txt", b"app"), ("index.html", b"app index"), ("images/a.txt", b"hidden")]);
    let images = Bed::with(&[("a.txt", b"images")]);
    let place = |bed: Option<&Bed>, children: Vec<(&str, Place)>| Place {
        directory: bed.map(Bed::directory),
        children: children.into_iter().map(|(name, child)| (name.to_owned(), child)).collect(),
    };
    let sites = sites_of(
        place(
            Some(&root),
            vec![
                ("App", place(Some(&app), vec![("images", place(Some(&images), vec![]))])),
                ("api", place(None, vec![("docs", place(Some(&images), vec![]))])),
            ],
        ),
        true,
        HOUR,
    );
    let cases = [
        ("/a.txt", Some("root")),
        ("/app/a.txt", Some("app")),
        ("/APP/a.txt", Some("app")),
        ("/%61pp/a.txt", Some("app")),
        ("/app/", Some("app index")),
        ("/app/images/a.txt", Some("images")),
        ("/app/Images/a.txt", Some("images")),
        ("/api/a.txt", None),
        ("/api/docs/a.txt", Some("images")),
        ("/app/images/../a.txt", None),
        ("/app%2fa.txt", None),
    ];
    for (target, text) in cases {
        let answer = sites.answer(PORT, &request("GET", target, &[])).await;
        match text {
            Some(text) => assert_eq!(got(answer).await.text(), text, "{target}"),
            None => assert!(matches!(answer, Answer::Application), "{target}: {answer:?}"),
        }
    }
    let without_slash = got(sites.answer(PORT, &request("GET", "/App?x=1", &[])).await).await;
    assert_eq!((without_slash.status.as_u16(), without_slash.field("location")), (301, "/App/?x=1"));
    assert!(matches!(sites.answer(PORT, &request("GET", "/app/images", &[])).await, Answer::Application));
}

#[tokio::test]
async fn index_files_have_an_order_and_there_is_never_a_listing() {
    let names = ["index.html", "index.htm", "default.html", "default.htm"];
    for first in 0..names.len() {
        let bed = Bed::with(&[]);
        for name in &names[first..] {
            bed.write(&format!("dir/{name}"), name.as_bytes());
        }
        let index = bed.get("/dir/", &[]).await;
        assert_eq!((index.text(), index.field("content-type")), (names[first], "text/html; charset=utf-8"));
    }
    let bed =
        Bed::with(&[("dir/a.txt", b""), ("dir/index.html/a.txt", b""), ("dir/default.htm", b"default")]);
    assert_eq!(bed.get("/dir/", &[]).await.text(), "default");
    assert_eq!((bed.status("/").await, bed.status("/dir/index.html").await), (404, 404));
}

#[tokio::test]
async fn the_way_to_a_directory_keeps_the_query_and_the_host() {
    let bed =
        Bed::with(&[("dir/index.html", b""), ("a b/index.html", b""), ("evil.example/index.html", b"")]);
    let location = async |target: &str| bed.get(target, &[]).await.field("location").to_owned();
    assert_eq!(location("/dir?a=b&c=/d").await, "/dir/?a=b&c=/d");
    assert_eq!(location("/a%20b").await, "/a%20b/");
    assert_eq!(location("http://other.example/dir").await, "/dir/");
    for target in ["//evil.example", "/%2fevil.example", "/\\evil.example", "/.//evil.example"] {
        let request = http::Request::builder().uri(target).body(());
        // What is no target at all does not get here.
        if request.is_ok() {
            assert_eq!(location(target).await, "", "{target}");
        }
    }
}
