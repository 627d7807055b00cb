//! The documentation's service under its four sets of traffic rules ("Enable communication for role instances",
//! scenarios 1 to 4), seen from inside: each role tries each internal endpoint on another instance than its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::host_process::{Host, free_port, get, root};

/// The endpoints, each with the roles that may reach it; none where no rule names it.
type Rules = [(&'static str, Option<&'static [&'static str]>); 4];

const ROLES: [&str; 3] = ["WebRole1", "WorkerRole1", "WorkerRole2"];

const SCENARIOS: [(&str, Rules); 5] = [
    (
        "scenario-1.csdef",
        [
            ("InternalTCP1", None),
            ("InternalTCP2", Some(&["WebRole1"])),
            ("InternalTCP3", None),
            ("InternalTCP4", None),
        ],
    ),
    (
        "scenario-2.csdef",
        [
            ("InternalTCP1", None),
            ("InternalTCP2", Some(&["WebRole1"])),
            ("InternalTCP3", Some(&["WebRole1"])),
            ("InternalTCP4", None),
        ],
    ),
    (
        "scenario-3.csdef",
        [
            ("InternalTCP1", None),
            ("InternalTCP2", Some(&["WebRole1"])),
            ("InternalTCP3", Some(&["WorkerRole1"])),
            ("InternalTCP4", None),
        ],
    ),
    ("scenario-4.csdef", SCENARIO_4),
    ("ServiceDefinition.csdef", SCENARIO_4),
];

const SCENARIO_4: Rules = [
    ("InternalTCP1", None),
    ("InternalTCP2", Some(&["WebRole1"])),
    ("InternalTCP3", Some(&["WorkerRole1"])),
    ("InternalTCP4", Some(&["WebRole1"])),
];

fn definition(name: &str) -> PathBuf {
    root().join("examples/myservice").join(name)
}

/// The matrix that the rules mean: from, endpoint, result.
fn expected(rules: &Rules) -> BTreeSet<(String, String, String)> {
    let pairs = ROLES.iter().flat_map(|from| rules.iter().map(move |rule| (from, rule)));
    let row = |(from, (endpoint, sources)): (&&str, &(&str, Option<&[&str]>))| {
        let allowed = sources.is_none_or(|sources| sources.contains(from));
        let result = if allowed { "connected" } else { "access-denied" };
        ((*from).to_owned(), (*endpoint).to_owned(), result.to_owned())
    };
    pairs.map(row).collect()
}

/// The matrix that the page shows.
fn shown(json: &str) -> BTreeSet<(String, String, String)> {
    let page: serde_json::Value = serde_json::from_str(json).expect(json);
    let rows = page["reachability"].as_array().expect(json);
    let field = |row: &serde_json::Value, name: &str| row[name].as_str().expect(json).to_owned();
    rows.iter().map(|row| (field(row, "from"), field(row, "endpoint"), field(row, "result"))).collect()
}

fn run(name: &str) -> (Host, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut host = Host::run(&definition(name), &["--publish", &format!("80={address}")]);
    host.wait_for("Ready");
    (host, address)
}

#[test]
fn the_matrix_of_each_scenario_is_what_its_rules_say() {
    for (name, rules) in &SCENARIOS {
        let (_host, address) = run(name);
        let (status, page) = get(address, "application/json").unwrap();
        assert_eq!(status, 200, "{name}: {page}");
        assert_eq!(shown(&page), expected(rules), "{name}: {page}");
    }
}

#[test]
fn a_browser_gets_a_page_and_both_instances_answer_in_turn() {
    let (_host, address) = run("ServiceDefinition.csdef");
    let (_, page) = get(address, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8").unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("InternalTCP4"), "{page}");
    let answered_by: BTreeSet<String> = (0..4)
        .map(|_| {
            let (_, page) = get(address, "application/json").unwrap();
            let page: serde_json::Value = serde_json::from_str(&page).unwrap();
            page["answered_by"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(answered_by, BTreeSet::from(["WebRole1_IN_0".to_owned(), "WebRole1_IN_1".to_owned()]));
}

#[test]
fn a_denied_connection_is_reported_once_with_its_rule_and_what_would_allow_it() {
    let (mut host, address) = run("ServiceDefinition.csdef");
    for _ in 0..4 {
        get(address, "application/json").unwrap();
    }
    host.signal("INT");
    assert!(host.ended().success());
    let text = host.said.join("\n");
    let denials: Vec<&String> = host.said.iter().filter(|line| line.contains("denied: connect")).collect();
    assert!(denials.iter().any(|line| line.contains("WorkerRole2_IN_")), "{text}");
    let different: BTreeSet<&String> = denials.iter().copied().collect();
    assert_eq!(different.len(), denials.len(), "each is reported once: {text}");
    for part in [
        "WorkerRole2 may not reach endpoint InternalTCP2 of WorkerRole1",
        "ServiceDefinition.csdef:27:5 admits only WebRole1",
        r#"add `<FromRole roleName="WorkerRole2" />` to the `<WhenSource>` of that rule"#,
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
}

#[test]
fn traffic_between_instances_never_touches_a_socket_of_the_operating_system() {
    let (host, address) = run("ServiceDefinition.csdef");
    let (status, _) = get(address, "application/json").unwrap();
    assert_eq!(status, 200);
    // While all roles listen on their endpoints and have just talked to each other, the process has one TCP socket: the
    // listener of its one public endpoint. A connection of this test's own may still be closing.
    let sockets = tcp_sockets_of(host.id());
    let listening: Vec<_> = sockets.iter().filter(|socket| socket.listening).collect();
    assert_eq!(listening.len(), 1, "{sockets:?}");
    assert_eq!(listening[0].port, address.port());
    assert!(sockets.iter().all(|socket| socket.port == address.port()), "{sockets:?}");
}

#[derive(Debug)]
struct OsSocket {
    port: u16,
    listening: bool,
}

/// The TCP sockets that a process holds, from the kernel's own tables.
fn tcp_sockets_of(pid: u32) -> Vec<OsSocket> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|entry| {
        let target = std::fs::read_link(entry.ok()?.path()).ok()?;
        Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    });
    let inodes: BTreeSet<String> = links.collect();
    let tables = ["tcp", "tcp6"].map(|name| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")));
    let mut sockets = Vec::new();
    for line in tables.iter().flatten().flat_map(|table| table.lines().skip(1)) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if inodes.contains(fields[9]) {
            let (_, port) = fields[1].split_once(':').unwrap();
            let port = u16::from_str_radix(port, 16).unwrap();
            sockets.push(OsSocket { port, listening: fields[3] == "0A" });
        }
    }
    sockets
}
