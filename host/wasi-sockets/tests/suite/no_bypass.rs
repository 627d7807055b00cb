//! One decision: every function of the interfaces is known either to ask the network's policy or to touch no address that
//! it has not been asked about; and where it asks, a policy that denies everything denies it.

use std::collections::{BTreeMap, BTreeSet};

use crate::bed::{Bed, Version, listen, run};

/// What a function has to do with addresses.
enum Part {
    /// The policy decides on each call.
    Decides,
    /// Nothing that was not decided before, for this reason.
    Nothing(&'static str),
}
use Part::{Decides, Nothing};

const LOCAL: Part = Nothing("it is about the socket alone");
const DECIDED: Part = Nothing("its start was decided");
const ADMITTED: Part = Nothing("whoever sent it was admitted");
const OPEN: Part = Nothing("the connection was decided when it was opened, and stays open");

/// Functions, and the part that each has.
type Known = &'static [(&'static str, Part)];

const WASI_0_2: Known = &[
    ("network/network-error-code", LOCAL),
    ("instance-network/instance-network", Nothing("the handle grants nothing")),
    ("ip-name-lookup/resolve-addresses", Decides),
    ("ip-name-lookup/resolve-address-stream.resolve-next-address", DECIDED),
    ("ip-name-lookup/resolve-address-stream.subscribe", LOCAL),
    ("tcp-create-socket/create-tcp-socket", LOCAL),
    ("tcp/tcp-socket.start-bind", Decides),
    ("tcp/tcp-socket.finish-bind", DECIDED),
    ("tcp/tcp-socket.start-connect", Decides),
    ("tcp/tcp-socket.finish-connect", DECIDED),
    ("tcp/tcp-socket.start-listen", Decides),
    ("tcp/tcp-socket.finish-listen", DECIDED),
    ("tcp/tcp-socket.accept", ADMITTED),
    ("tcp/tcp-socket.local-address", LOCAL),
    ("tcp/tcp-socket.remote-address", LOCAL),
    ("tcp/tcp-socket.is-listening", LOCAL),
    ("tcp/tcp-socket.address-family", LOCAL),
    ("tcp/tcp-socket.set-listen-backlog-size", LOCAL),
    ("tcp/tcp-socket.keep-alive-enabled", LOCAL),
    ("tcp/tcp-socket.set-keep-alive-enabled", LOCAL),
    ("tcp/tcp-socket.keep-alive-idle-time", LOCAL),
    ("tcp/tcp-socket.set-keep-alive-idle-time", LOCAL),
    ("tcp/tcp-socket.keep-alive-interval", LOCAL),
    ("tcp/tcp-socket.set-keep-alive-interval", LOCAL),
    ("tcp/tcp-socket.keep-alive-count", LOCAL),
    ("tcp/tcp-socket.set-keep-alive-count", LOCAL),
    ("tcp/tcp-socket.hop-limit", LOCAL),
    ("tcp/tcp-socket.set-hop-limit", LOCAL),
    ("tcp/tcp-socket.receive-buffer-size", LOCAL),
    ("tcp/tcp-socket.set-receive-buffer-size", LOCAL),
    ("tcp/tcp-socket.send-buffer-size", LOCAL),
    ("tcp/tcp-socket.set-send-buffer-size", LOCAL),
    ("tcp/tcp-socket.subscribe", LOCAL),
    ("tcp/tcp-socket.shutdown", OPEN),
    ("udp-create-socket/create-udp-socket", LOCAL),
    ("udp/udp-socket.start-bind", Decides),
    ("udp/udp-socket.finish-bind", DECIDED),
    ("udp/udp-socket.stream", Decides),
    ("udp/udp-socket.local-address", LOCAL),
    ("udp/udp-socket.remote-address", LOCAL),
    ("udp/udp-socket.address-family", LOCAL),
    ("udp/udp-socket.unicast-hop-limit", LOCAL),
    ("udp/udp-socket.set-unicast-hop-limit", LOCAL),
    ("udp/udp-socket.receive-buffer-size", LOCAL),
    ("udp/udp-socket.set-receive-buffer-size", LOCAL),
    ("udp/udp-socket.send-buffer-size", LOCAL),
    ("udp/udp-socket.set-send-buffer-size", LOCAL),
    ("udp/udp-socket.subscribe", LOCAL),
    ("udp/incoming-datagram-stream.receive", ADMITTED),
    ("udp/incoming-datagram-stream.subscribe", LOCAL),
    ("udp/outgoing-datagram-stream.check-send", LOCAL),
    ("udp/outgoing-datagram-stream.send", Decides),
    ("udp/outgoing-datagram-stream.subscribe", LOCAL),
];

const WASI_0_3: Known = &[
    ("ip-name-lookup/resolve-addresses", Decides),
    ("types/tcp-socket.create", LOCAL),
    ("types/tcp-socket.bind", Decides),
    ("types/tcp-socket.connect", Decides),
    ("types/tcp-socket.listen", Decides),
    ("types/tcp-socket.send", OPEN),
    ("types/tcp-socket.receive", OPEN),
    ("types/tcp-socket.get-local-address", LOCAL),
    ("types/tcp-socket.get-remote-address", LOCAL),
    ("types/tcp-socket.get-is-listening", LOCAL),
    ("types/tcp-socket.get-address-family", LOCAL),
    ("types/tcp-socket.set-listen-backlog-size", LOCAL),
    ("types/tcp-socket.get-keep-alive-enabled", LOCAL),
    ("types/tcp-socket.set-keep-alive-enabled", LOCAL),
    ("types/tcp-socket.get-keep-alive-idle-time", LOCAL),
    ("types/tcp-socket.set-keep-alive-idle-time", LOCAL),
    ("types/tcp-socket.get-keep-alive-interval", LOCAL),
    ("types/tcp-socket.set-keep-alive-interval", LOCAL),
    ("types/tcp-socket.get-keep-alive-count", LOCAL),
    ("types/tcp-socket.set-keep-alive-count", LOCAL),
    ("types/tcp-socket.get-hop-limit", LOCAL),
    ("types/tcp-socket.set-hop-limit", LOCAL),
    ("types/tcp-socket.get-receive-buffer-size", LOCAL),
    ("types/tcp-socket.set-receive-buffer-size", LOCAL),
    ("types/tcp-socket.get-send-buffer-size", LOCAL),
    ("types/tcp-socket.set-send-buffer-size", LOCAL),
    ("types/udp-socket.create", LOCAL),
    ("types/udp-socket.bind", Decides),
    ("types/udp-socket.connect", Decides),
    ("types/udp-socket.disconnect", LOCAL),
    ("types/udp-socket.send", Decides),
    ("types/udp-socket.receive", ADMITTED),
    ("types/udp-socket.get-local-address", LOCAL),
    ("types/udp-socket.get-remote-address", LOCAL),
    ("types/udp-socket.get-address-family", LOCAL),
    ("types/udp-socket.get-unicast-hop-limit", LOCAL),
    ("types/udp-socket.set-unicast-hop-limit", LOCAL),
    ("types/udp-socket.get-receive-buffer-size", LOCAL),
    ("types/udp-socket.set-receive-buffer-size", LOCAL),
    ("types/udp-socket.get-send-buffer-size", LOCAL),
    ("types/udp-socket.set-send-buffer-size", LOCAL),
];

/// A version, its interfaces, and what is known of their functions.
const VERSIONS: [(Version, &str, Known); 2] = [
    (Version::V0_2, include_str!("../../wit/p2/sockets.wit"), WASI_0_2),
    (Version::V0_3, include_str!("../../wit/p3/sockets.wit"), WASI_0_3),
];

/// All functions of a file of interfaces: `interface/resource.function`.
fn functions(wit: &str) -> BTreeSet<String> {
    let code = wit.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    let (mut interface, mut resource) = (None, None);
    let mut found = BTreeSet::new();
    let opened = |line: &str, word: &str| Some(line.strip_prefix(word)?.strip_suffix('{')?.trim().to_owned());
    // How deep braces of records and enums go inside of an interface or a resource.
    let mut inside = 0_u32;
    for line in code {
        if let Some(name) = opened(line, "interface ") {
            interface = Some(name);
        } else if let Some(name) = opened(line, "resource ") {
            resource = Some(name);
        } else if line.ends_with('{') {
            inside += 1;
        } else if line == "}" {
            if inside > 0 {
                inside -= 1;
            } else if resource.take().is_none() {
                interface = None;
            }
        } else if let Some((name, rest)) = line.split_once(':')
            && rest.contains("func(")
        {
            let interface = interface.as_deref().unwrap();
            let resource = resource.as_ref().map(|name| format!("{name}.")).unwrap_or_default();
            found.insert(format!("{interface}/{resource}{}", name.trim_start_matches('%')));
        }
    }
    let mentions =
        wit.lines().filter(|line| !line.trim().starts_with("//") && line.contains("func(")).count();
    assert_eq!(found.len(), mentions, "the scan sees every function");
    found
}

#[test]
fn every_function_of_the_interfaces_is_known_to_decide_or_to_touch_no_address() {
    for (version, wit, known) in VERSIONS {
        let known: BTreeSet<String> = known.iter().map(|(function, _)| (*function).to_owned()).collect();
        assert_eq!(
            known,
            functions(wit),
            "{version:?}: say of a new function whether the policy decides on it"
        );
    }
    for (function, part) in WASI_0_2.iter().chain(WASI_0_3) {
        assert!(!matches!(part, Nothing("")), "{function}: why does it not decide?");
    }
}

#[tokio::test]
async fn under_a_policy_that_denies_everything_every_function_that_decides_is_denied() {
    for (version, _, known) in VERSIONS {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let listener = listen(&peer, "10.0.0.6:8000");
        // The guest has brought its sockets into every state when it connects, and goes on when that connection ends.
        let deny = async {
            let sign = listener.accept().await.unwrap();
            bed.deny_everything();
            drop(sign);
        };
        let (report, ()) = tokio::join!(run(version, subject, "denied 10.0.0.6:8000"), deny);
        let mut called: BTreeMap<&str, u32> = BTreeMap::new();
        for line in report.lines() {
            let (call, outcome) = line.rsplit_once(": ").unwrap();
            assert!(
                matches!(outcome, "access-denied" | "name-unresolvable"),
                "{version:?}, {call} came to: {outcome}"
            );
            let function = call.split([' ', ',']).next().unwrap();
            *called.entry(function).or_default() += 1;
        }
        let decides = known.iter().filter(|(_, part)| matches!(part, Decides)).map(|(function, _)| *function);
        assert_eq!(called.keys().copied().collect::<BTreeSet<_>>(), decides.collect(), "{version:?}");
        assert!(peer.socket_count() == 1, "only the test's own listener is left");
    }
}
