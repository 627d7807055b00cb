//! What wasmtime generates from the WIT text.
#![allow(missing_docs, reason = "generated; wit/p2/sockets.wit documents every item")]

wasmtime::component::bindgen!({
    path: "wit/p2",
    inline: "package wasm-roles:sockets-p2;
        world sockets {
            import wasi:sockets/network@0.2.12;
            import wasi:sockets/instance-network@0.2.12;
            import wasi:sockets/ip-name-lookup@0.2.12;
            import wasi:sockets/tcp@0.2.12;
            import wasi:sockets/tcp-create-socket@0.2.12;
            import wasi:sockets/udp@0.2.12;
            import wasi:sockets/udp-create-socket@0.2.12;
        }",
    world: "wasm-roles:sockets-p2/sockets",
    require_store_data_send: true,
    imports: { default: trappable }, // none of them waits
    trappable_error_type: { "wasi:sockets/network.error-code" => super::SocketError },
    with: {
        "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:sockets/network.network": super::InstanceNetwork,
        "wasi:sockets/tcp.tcp-socket": super::tcp::TcpSocket,
        "wasi:sockets/udp.udp-socket": super::udp::UdpSocket,
        "wasi:sockets/udp.incoming-datagram-stream": super::udp::IncomingDatagrams,
        "wasi:sockets/udp.outgoing-datagram-stream": super::udp::OutgoingDatagrams,
        "wasi:sockets/ip-name-lookup.resolve-address-stream": super::names::Addresses,
    },
});
