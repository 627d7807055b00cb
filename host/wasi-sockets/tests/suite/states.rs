//! What sockets answer in each state, and to arguments that are not valid: the sentences of the interfaces, call by call.

use crate::bed::{Bed, Version, run};

#[tokio::test]
async fn wasi_0_2_answers_as_documented() {
    assert_eq!(run(Version::V0_2, Bed::new().subject(), "states").await, WASI_0_2);
}

#[tokio::test]
async fn wasi_0_3_answers_as_documented() {
    assert_eq!(run(Version::V0_3, Bed::new().subject(), "states").await, WASI_0_3);
}

/// The names of the codes are those of the interface.
const WASI_0_2: &str = "\
unbound finish-bind: not-in-progress
unbound finish-connect: not-in-progress
unbound finish-listen: not-in-progress
unbound start-listen: invalid-state
unbound accept: invalid-state
unbound shutdown: invalid-state
unbound local-address: invalid-state
unbound remote-address: invalid-state
bind multicast: invalid-argument
bind other family: invalid-argument
bind foreign address: address-not-bindable
bind: ok
binding start-bind: concurrency-conflict
binding start-connect: concurrency-conflict
binding start-listen: concurrency-conflict
binding local-address: invalid-state
finish-bind: ok
finish-bind again: not-in-progress
bound start-bind: invalid-state
connect to port 0: invalid-argument
connect to unspecified: invalid-argument
backlog 0: invalid-argument
backlog 1: ok
start-listen: ok
is-listening before finish: false
finish-listen: ok
is-listening: true
listening start-listen: invalid-state
backlog when listening: not-supported
accept nothing: would-block
pollable with nothing to accept: false
connect: ok
connecting start-connect: concurrency-conflict
finish-connect: ok
connected start-connect: invalid-state
connected start-listen: invalid-state
finish-connect, backlog full: would-block
pollable, backlog full: false
pollable with one to accept: true
accept: ok
pollable, room in the backlog: true
finish-connect, room in the backlog: ok
shutdown send: ok
shutdown send again: ok
check-write after shutdown: closed
read with nothing to read: ok
pollable with nothing to read: false
read at the end: closed
write without check-write of nothing: ok
check-write: ok
write: ok
flush: ok
connect where nobody listens: connection-refused
closed start-bind: invalid-state
closed finish-connect: not-in-progress
closed local-address: invalid-state
keep-alive-idle-time 0: invalid-argument
keep-alive-interval 0: invalid-argument
keep-alive-count 0: invalid-argument
hop-limit 0: invalid-argument
receive-buffer-size 0: invalid-argument
send-buffer-size 0: invalid-argument
set them: ok
read them back: the same";

/// The names of the codes are those of `std::io::ErrorKind`, but for `InvalidState`.
const WASI_0_3: &str = "\
unbound local-address: InvalidState
unbound remote-address: InvalidState
unbound receive gives bytes: 0
unbound receive: InvalidState
unbound send: InvalidState
bind multicast: InvalidInput
bind other family: InvalidInput
bind foreign address: AddrNotAvailable
bind: ok
bound bind: InvalidState
bound local-address: ok
connect to port 0: InvalidInput
connect to unspecified: InvalidInput
backlog 0: InvalidInput
backlog 1: ok
hop-limit: ok
listen: ok
is-listening: true
listening listen: InvalidState
backlog when listening: Unsupported
listening connect: InvalidState
connect: ok
connected connect: InvalidState
connected listen: InvalidState
connect waits, backlog full: true
inherited hop-limit: Some(Ok(7))
connect, room in the backlog: ok
connect given up waits: true
connect given up connect: InvalidState
send again: InvalidState
send: ok
receive again gives bytes: 0
receive again: InvalidState
receive, given up: ok
connect where nobody listens: ConnectionRefused
closed bind: InvalidState
closed connect: InvalidState
closed listen: InvalidState
closed local-address: InvalidState
keep-alive-idle-time 0: InvalidInput
keep-alive-interval 0: InvalidInput
keep-alive-count 0: InvalidInput
hop-limit 0: InvalidInput
receive-buffer-size 0: InvalidInput
send-buffer-size 0: InvalidInput
set them: ok
read them back: the same";
