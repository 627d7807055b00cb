//! Every function of the interfaces that lets the network decide, after the network has begun to deny everything.

use wasip3::sockets::ip_name_lookup::{ErrorCode as LookUpCode, resolve_addresses};
use wasip3::sockets::types::{TcpSocket, UdpSocket};

use crate::address::at;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{V4, V6, bound, bound_udp};

/// Brings sockets into every state, connects to `address` and waits for the end of that connection, which is the sign that
/// everything is denied from now on. Then each line is a function, what it was called for, and what it said.
pub async fn report(address: &str) {
    Report::of(async |report| report.part("denied", async |report| calls(report, address).await).await).await;
}

async fn calls(report: &mut Report, sign: &str) -> Outcome<()> {
    let (listens, connects) = (bound("127.0.0.1:0")?, bound("127.0.0.1:0")?);
    let (free, connected) = (bound_udp("0.0.0.0:0")?, bound_udp("127.0.0.1:0")?);
    let there = bound_udp("127.0.0.1:0")?.get_local_address()?;
    connected.connect(there)?;
    let signs = TcpSocket::create(V4)?;
    signs.connect(at(sign)?).await?;
    let (incoming, end) = signs.receive();
    incoming.collect().await;
    end.await?;

    for (case, address) in
        [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0"), ("its endpoint", "0.0.0.0:7000")]
    {
        report.line(&format!("types/tcp-socket.bind at {case}"), TcpSocket::create(V4)?.bind(at(address)?));
        report.line(&format!("types/udp-socket.bind at {case}"), UdpSocket::create(V4)?.bind(at(address)?));
    }
    report.line("types/tcp-socket.bind of ipv6", TcpSocket::create(V6)?.bind(at("[::1]:0")?));
    report.line("types/udp-socket.bind of ipv6", UdpSocket::create(V6)?.bind(at("[::]:0")?));
    report.line("types/tcp-socket.listen, bound before", listens.listen());
    report.line("types/tcp-socket.listen, unbound", TcpSocket::create(V4)?.listen());
    report.line("types/tcp-socket.listen, unbound of ipv6", TcpSocket::create(V6)?.listen());
    report.line("types/tcp-socket.connect, bound before", connects.connect(at("127.0.0.1:80")?).await);
    for (case, family, target) in
        [("", V4, "10.0.0.6:8000"), (" to itself", V4, "10.0.0.4:7000"), (" of ipv6", V6, "[::1]:80")]
    {
        let outcome = TcpSocket::create(family)?.connect(at(target)?).await;
        report.line(&format!("types/tcp-socket.connect{case}"), outcome);
    }
    report.line("types/udp-socket.connect, bound before", free.connect(there));
    report.line("types/udp-socket.connect, unbound", UdpSocket::create(V4)?.connect(at("10.0.0.6:8000")?));
    report.line("types/udp-socket.connect, unbound of ipv6", UdpSocket::create(V6)?.connect(at("[::1]:9")?));
    report.line("types/udp-socket.send, bound before", free.send(vec![7], Some(there)).await);
    report.line("types/udp-socket.send, connected before", connected.send(vec![7], None).await);
    let unbound = UdpSocket::create(V4)?;
    report.line("types/udp-socket.send, unbound", unbound.send(vec![7], Some(at("10.0.0.6:8000")?)).await);
    for name in ["Subject", "Peer", "peer_in_0", "0.Peer", "example.com"] {
        let said = match resolve_addresses(name.to_owned()).await {
            Ok(_) => "ok",
            Err(LookUpCode::AccessDenied) => "access-denied",
            Err(LookUpCode::NameUnresolvable) => "name-unresolvable",
            Err(_) => "another error",
        };
        report.note(&format!("ip-name-lookup/resolve-addresses of {name}"), said);
    }
    Ok(())
}
