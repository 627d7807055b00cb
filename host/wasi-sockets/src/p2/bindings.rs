//! What `bindgen!` makes of `wit/p2`.
#![allow(missing_docs, reason = "generated from the interfaces, which document every item")]

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
    // wasi:io, which this world imports, asks for it.
    require_store_data_send: true,
    // No function of 0.2 has to wait: what blocks is wasi:io's poll.
    imports: { default: trappable },
    trappable_error_type: { "wasi:sockets/network.error-code" => crate::p2::SocketError },
    with: {
        // Streams, pollables and errors must be those of the rest of WASI.
        "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:sockets/network.network": crate::p2::Network,
        "wasi:sockets/tcp.tcp-socket": crate::p2::tcp_socket::TcpSocket,
        "wasi:sockets/udp.udp-socket": crate::p2::udp_socket::UdpSocket,
        "wasi:sockets/udp.incoming-datagram-stream": crate::p2::udp_socket::IncomingDatagramStream,
        "wasi:sockets/udp.outgoing-datagram-stream": crate::p2::udp_socket::OutgoingDatagramStream,
        "wasi:sockets/ip-name-lookup.resolve-address-stream": crate::p2::names::ResolveAddressStream,
    },
});
