//! What wasmtime generates from the WIT text.
#![allow(missing_docs, reason = "generated; wit/p3/sockets.wit documents every item")]

wasmtime::component::bindgen!({
    path: "wit/p3",
    inline: "package wasm-roles:sockets-p3;
        world sockets {
            import wasi:sockets/types@0.3.0;
            import wasi:sockets/ip-name-lookup@0.3.0;
        }",
    world: "wasm-roles:sockets-p3/sockets",
    imports: {
        // These make streams and futures, which live in the store.
        "wasi:sockets/types.[method]tcp-socket.listen": store | trappable,
        "wasi:sockets/types.[method]tcp-socket.send": store | trappable,
        "wasi:sockets/types.[method]tcp-socket.receive": store | trappable,
        default: trappable,
    },
    trappable_error_type: { "wasi:sockets/types.error-code" => super::SocketError },
    with: {
        "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        "wasi:sockets/types.tcp-socket": super::tcp::TcpSocket,
        "wasi:sockets/types.udp-socket": super::udp::UdpSocket,
    },
});
