//! What UDP sockets answer in each state, and to arguments that are not valid: the sentences of the interfaces, call by
//! call.

use crate::bed::{Bed, Version, run};

#[tokio::test]
async fn wasi_0_2_answers_as_documented() {
    assert_eq!(run(Version::V0_2, Bed::new().subject(), "udp-states").await, WASI_0_2);
}

#[tokio::test]
async fn wasi_0_3_answers_as_documented() {
    assert_eq!(run(Version::V0_3, Bed::new().subject(), "udp-states").await, WASI_0_3);
}

/// The names of the codes are those of the interface. What was received is told by its sizes, what was sent by its count.
const WASI_0_2: &str = "\
unbound finish-bind: not-in-progress
unbound stream: invalid-state
unbound local-address: invalid-state
unbound remote-address: invalid-state
bind other family: invalid-argument
bind foreign address: address-not-bindable
bind multicast: address-not-bindable
bind undeclared port: access-denied
bind: ok
binding start-bind: concurrency-conflict
binding stream: concurrency-conflict
binding local-address: invalid-state
finish-bind: ok
finish-bind again: not-in-progress
bound start-bind: invalid-state
bound remote-address: invalid-state
bind in use: address-in-use
bind ipv4 in disguise: invalid-argument
stream to other family: invalid-argument
stream to unspecified: invalid-argument
stream to port 0: invalid-argument
stream to denied: access-denied
pollable of the socket: true
stream: ok
remote-address without a peer: invalid-state
receive nothing: []
pollable with nothing to receive: false
pollable of outgoing datagrams: true
send without check-send of nothing: ok
check-send permits some: true
send to nobody: invalid-argument
send to other family: invalid-argument
send to unspecified: invalid-argument
send to port 0: invalid-argument
send to denied: access-denied
send from loopback: remote-unreachable
send too much: datagram-too-large
send where nobody receives: 1
receive after that: []
send three, the last one too much: 2
pollable with something to receive: true
receive none: []
receive one: [1]
receive the rest: [2]
send nothing in a datagram: 1
send the largest: 1
send the largest again: 1
receive up to 64 KiB: [0, 65507, 65507]
stream to a peer: ok
remote-address: the peer
receive what came before: []
send to another: invalid-argument
send to the peer: 1
send to the peer by name: 1
the peer receives: [2, 3]
the peer sends: 1
receive from the peer: [4]
send to a peer that is gone: 1
pollable with an error to receive: true
receive from a peer that is gone: connection-refused
receive again: []
send to a peer that is gone, again: 1
send after that: connection-refused
stream to port 0, with a peer: invalid-argument
remote-address after that: ok
stream to any again: ok
remote-address with any again: invalid-state
send to itself: 1
receive from itself: [5]
unicast-hop-limit 0: invalid-argument
receive-buffer-size 0: invalid-argument
send-buffer-size 0: invalid-argument
address-family: ipv6
set them: ok
read them back: the same";

/// The names of the codes are those of `std::io::ErrorKind`, but for `InvalidState`; `Uncategorized` is
/// `datagram-too-large`. What was received is told by its size.
const WASI_0_3: &str = "\
unbound local-address: InvalidState
unbound remote-address: InvalidState
unbound disconnect: InvalidState
unbound receive: InvalidState
unbound send to nobody: InvalidInput
unbound send to denied: PermissionDenied
unbound connect to denied: PermissionDenied
unbound still: InvalidState
bind other family: InvalidInput
bind foreign address: AddrNotAvailable
bind multicast: AddrNotAvailable
bind undeclared port: PermissionDenied
bind: ok
bound bind: InvalidState
bound local-address: ok
bound remote-address: InvalidState
bound disconnect: InvalidState
bind in use: AddrInUse
bind ipv4 in disguise: InvalidInput
connect to other family: InvalidInput
connect to unspecified: InvalidInput
connect to port 0: InvalidInput
connect to denied: PermissionDenied
receive nothing waits: true
send to nobody: InvalidInput
send to other family: InvalidInput
send to unspecified: InvalidInput
send to port 0: InvalidInput
send to denied: PermissionDenied
send from loopback: HostUnreachable
send too much: Uncategorized
send where nobody receives: ok
receive after that waits: true
send nothing in a datagram: ok
send the largest: ok
receive nothing in a datagram: 0
receive the largest: 65507
send before the connect: ok
connect: ok
remote-address: the peer
receive what came before waits: true
send to another: InvalidInput
send to the peer: ok
send to the peer by name: ok
the peer receives: 2
the peer receives again: 3
the peer sends: ok
receive from the peer: 4
send to a peer that is gone: ok
receive from a peer that is gone: ConnectionRefused
receive again waits: true
send to a peer that is gone, again: ok
send after that: ConnectionRefused
connect to port 0, with a peer: InvalidInput
remote-address after that: ok
connect to another: ok
disconnect: ok
disconnect again: InvalidState
remote-address without a peer: InvalidState
unbound send: ok
local-address after a send: ok
bind after a send: InvalidState
unbound connect: ok
local-address after a connect: [::1]
two receives wait: true
the second receive: 2
the first receive: 1
a receive waits: true
receive after one that was given up: 3
unicast-hop-limit 0: InvalidInput
receive-buffer-size 0: InvalidInput
send-buffer-size 0: InvalidInput
address-family: ipv6
set them: ok
read them back: the same";
