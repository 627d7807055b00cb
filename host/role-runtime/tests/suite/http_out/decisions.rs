//! Who may ask whom: the policy's answer holds for HTTP as it does for sockets.

use std::fs;
use std::path::Path;

use super::servers::{serve, serve_outside};
use super::{BOTH, Bed};

#[tokio::test]
async fn a_role_is_asked_by_its_name_at_an_endpoint_that_it_has() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        for (url, said) in [
            ("http://Open_IN_0:8080/hello", "200 hello"),
            ("http://10.0.0.5:8080/hello", "200 hello"),
            ("http://Open_IN_0:8080/host", "200 Open_IN_0:8080"),
            // Nobody is at home in the other instance; the first that answers is asked.
            ("http://Open:8080/hello", "200 hello"),
            ("http://open:8080/redirect", "302 there"),
            ("http://Open_IN_0:8081/hello", "ConnectionRefused"),
            ("http://Open_IN_1:8080/hello", "DestinationUnavailable"),
            ("http://Nobody:8080/hello", "DnsError"),
            ("http://9.Open:8080/hello", "DnsError"),
        ] {
            assert_eq!(bed.run(guest, &format!("get {url}")).await, said, "{guest} {url}");
        }
    }
}

#[tokio::test]
async fn what_the_rules_do_not_admit_is_denied_and_reported() {
    let bed = Bed::new();
    let (open, closed) = (bed.interface(5), bed.interface(7));
    serve(&open, 8080);
    serve(&closed, 8080);
    for guest in BOTH {
        for (url, report) in [
            ("http://Closed:8080/hello", "Service.csdef:7:1"),
            ("http://Open_IN_0:9090/hello", "role Open has no tcp endpoint on port 9090"),
            ("http://Open_IN_0/hello", "role Open has no tcp endpoint on port 80"),
            ("http://10.0.0.99/hello", "no instance of the deployment has the address"),
            ("http://93.184.216.34/hello", "the address is outside the deployment"),
            ("http://169.254.169.254/hello", "the address is outside the deployment"),
            ("https://www.example.com/hello", "the name is outside the deployment"),
        ] {
            bed.report_afresh();
            assert_eq!(bed.run(guest, &format!("get {url}")).await, "HttpRequestDenied", "{guest} {url}");
            let denials = bed.denials();
            assert!(denials.iter().any(|denial| denial.contains(report)), "{guest} {url}: {denials:?}");
        }
    }
    assert_eq!(bed.network.counters().outbound, 0);
}

#[tokio::test]
async fn a_rule_of_the_hosts_lets_requests_out_and_names_lead_where_they_may() {
    let bed = Bed::new();
    let server = serve_outside().await;
    bed.let_out(&["www.example.com:80", "rebound.example.com", "busy.example.com"], Some(server));
    for guest in BOTH {
        for (url, said) in [
            ("http://www.example.com/hello", "200 hello"),
            ("http://WWW.example.com:80/host", "200 WWW.example.com:80"),
            ("http://www.example.com:8080/hello", "HttpRequestDenied"),
            ("http://other.example.com/hello", "HttpRequestDenied"),
            ("http://rebound.example.com/hello", "DestinationIpProhibited"),
            ("http://busy.example.com/hello", "DnsError"),
        ] {
            assert_eq!(bed.run(guest, &format!("get {url}")).await, said, "{guest} {url}");
        }
    }
}

#[tokio::test]
async fn a_policy_that_denies_everything_leaves_no_way() {
    let bed = Bed::new();
    let (open, closed, server) = (bed.interface(5), bed.interface(7), serve_outside().await);
    serve(&open, 8080);
    serve(&closed, 8080);
    bed.let_out(&[], Some(server));
    bed.deny_everything();
    for guest in BOTH {
        for target in ["Open:8080", "10.0.0.5:8080", "Closed:8080", "93.184.216.34", "www.example.com"] {
            let said = bed.run(guest, &format!("get http://{target}/hello")).await;
            assert!(matches!(said.as_str(), "HttpRequestDenied" | "DnsError"), "{guest} {target}: {said}");
        }
        // The host's own loopback, by the port that a server of the host has there.
        let said = bed.run(guest, &format!("get http://{server}/hello")).await;
        assert!(matches!(said.as_str(), "HttpRequestDenied" | "ConnectionRefused"), "{guest}: {said}");
    }
    assert_eq!((bed.network.counters().outbound, open.socket_count()), (0, 1), "the listener of the test");
}

#[test]
fn the_stock_sender_is_not_even_compiled() {
    // Its feature, default-send-request, brings this crate with it, and nothing else here does.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"wasmtime-wasi-http\""));
    let stock =
        lock.split("[[package]]").find(|package| package.contains("name = \"wasmtime-wasi-http\"")).unwrap();
    assert!(!stock.contains("webpki-roots") && !stock.contains("tokio-rustls"), "{stock}");
}
