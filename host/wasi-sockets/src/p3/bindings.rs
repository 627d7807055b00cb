//! What `bindgen!` makes of `wit/p3`.
#![allow(missing_docs, reason = "generated from the interfaces, which document every item")]

wasmtime::component::bindgen!({
    path: "wit/p3",
    inline: "package wasm-roles:sockets-p3;
        world sockets {
            import wasi:sockets/types@0.3.0;
            import wasi:sockets/ip-name-lookup@0.3.0;
        }",
    world: "wasm-roles:sockets-p3/sockets",
    imports: {
        // These make streams and futures, which belong to the store.
        "wasi:sockets/types.[method]tcp-socket.listen": store | trappable,
        "wasi:sockets/types.[method]tcp-socket.send": store | trappable,
        "wasi:sockets/types.[method]tcp-socket.receive": store | trappable,
        default: trappable,
    },
    trappable_error_type: {
        "wasi:sockets/types.error-code" => crate::p3::SocketError,
        "wasi:sockets/ip-name-lookup.error-code" => crate::p3::names::LookUpError,
    },
    with: {
        "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        "wasi:sockets/types.tcp-socket": crate::p3::tcp_socket::TcpSocket,
        "wasi:sockets/types.udp-socket": crate::p3::udp_socket::UdpSocket,
    },
});
