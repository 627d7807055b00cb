//! The sockets of the operating system never come along.

use crate::bed::{State, engine, guest};
use wasm_roles_wasi_sockets::{p2, p3, wasi};
use wasmtime::component::Linker;

/// Each interface, and something in it.
const INTERFACES: [(&str, &str); 9] = [
    ("wasi:sockets/network@0.2.12", "network"),
    ("wasi:sockets/instance-network@0.2.12", "instance-network"),
    ("wasi:sockets/ip-name-lookup@0.2.12", "resolve-addresses"),
    ("wasi:sockets/tcp@0.2.12", "tcp-socket"),
    ("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket"),
    ("wasi:sockets/udp@0.2.12", "udp-socket"),
    ("wasi:sockets/udp-create-socket@0.2.12", "create-udp-socket"),
    ("wasi:sockets/types@0.3.0", "tcp-socket"),
    ("wasi:sockets/ip-name-lookup@0.3.0", "resolve-addresses"),
];

fn wasi_alone() -> Linker<State> {
    let mut linker = Linker::new(&engine());
    wasi::p2::add_to_linker(&mut linker).unwrap();
    wasi::p3::add_to_linker(&mut linker).unwrap();
    linker
}

/// Whether something has linked the interface: a name can be defined once only.
fn is_linked(linker: &Linker<State>, (interface, name): (&str, &str)) -> bool {
    let mut linker = linker.clone();
    linker.instance(interface).unwrap().func_wrap(name, |_, (): ()| Ok(())).is_err()
}

#[test]
fn wasi_alone_has_no_sockets_and_ours_bring_all_of_them() {
    let mut linker = wasi_alone();
    for interface in INTERFACES {
        assert!(!is_linked(&linker, interface), "{interface:?}");
    }
    p2::add_to_linker(&mut linker, State::sockets).unwrap();
    p3::add_to_linker(&mut linker, State::sockets).unwrap();
    for interface in INTERFACES {
        assert!(is_linked(&linker, interface), "{interface:?}");
    }
}

#[test]
fn without_ours_a_guest_that_uses_sockets_cannot_be_instantiated() {
    let linker = wasi_alone();
    for name in ["sockets-p2", "sockets-p3"] {
        let error = linker.instantiate_pre(&guest(linker.engine(), name)).err().unwrap();
        assert!(format!("{error:#}").contains("wasi:sockets/"), "{error:#}");
    }
}

#[test]
fn the_stock_sockets_and_ours_exclude_each_other() {
    let mut linker = Linker::<State>::new(&engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    wasmtime_wasi::p3::add_to_linker(&mut linker).unwrap();
    p2::add_to_linker(&mut linker, State::sockets).unwrap_err();
    p3::add_to_linker(&mut linker, State::sockets).unwrap_err();
}

/// The lists of module `wasi` are complete: without sockets, nothing else is missing either.
#[test]
fn the_rest_of_wasi_is_all_there() {
    let mut rest = wasi_alone();
    p2::add_to_linker(&mut rest, State::sockets).unwrap();
    p3::add_to_linker(&mut rest, State::sockets).unwrap();
    for name in ["sockets-p2", "sockets-p3"] {
        rest.instantiate_pre(&guest(rest.engine(), name)).map(drop).unwrap();
    }
}
