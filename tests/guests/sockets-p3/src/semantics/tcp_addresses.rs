//! Which addresses TCP takes, which it gives, and which are in use.

use wasip3::sockets::types::TcpSocket;

use crate::address::{at, port as port_of, shown};
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{V4, V6, bound, bound_udp, listening, pair};

pub async fn report(report: &mut Report, port: u16) {
    report.part("tcp bind arguments", async |report| bind_arguments(report)).await;
    report.part("tcp connect arguments", connect_arguments).await;
    report.part("tcp chosen addresses", chosen).await;
    report.part("tcp addresses in use", async |report| in_use(report)).await;
    report.part("tcp addresses in use of ipv6", async |report| in_use_of_ipv6(report)).await;
    report.part("tcp addresses free again", free_again).await;
    report.part("tcp wildcards", async |report| wildcards(report, port)).await;
}

fn bind_arguments(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(V4)?;
    report.line("tcp bind to a multicast address", socket.bind(at("224.0.0.1:80")?));
    report.line("tcp bind to the broadcast address", socket.bind(at("255.255.255.255:80")?));
    report.line("tcp bind to the other family", socket.bind(at("[::1]:0")?));
    report.line("tcp bind to a foreign address", socket.bind(at("192.0.2.1:80")?));
    report.line("tcp bind, after binds that failed", socket.bind(at("127.0.0.1:0")?));
    let socket = TcpSocket::create(V6)?;
    report.line("tcp of ipv6 bind to a multicast address", socket.bind(at("[ff02::1]:80")?));
    report.line("tcp of ipv6 bind to the other family", socket.bind(at("127.0.0.1:0")?));
    report.line("tcp of ipv6 bind to ipv4 in disguise", socket.bind(at("[::ffff:127.0.0.1]:0")?));
    let unspecified = socket.bind(at("[::ffff:0.0.0.0]:0")?);
    report.line("tcp of ipv6 bind to unspecified ipv4 in disguise", unspecified);
    report.line("tcp of ipv6 bind to a foreign address", socket.bind(at("[2001:db8::1]:80")?));
    report.line("tcp of ipv6 bind, after binds that failed", socket.bind(at("[::1]:0")?));
    Ok(())
}

async fn connect_arguments(report: &mut Report) -> Outcome<()> {
    let (_listener, here, _connections) = listening("127.0.0.1:0")?;
    let socket = TcpSocket::create(V4)?;
    for (case, target) in [
        ("a multicast address", "224.0.0.1:80"),
        ("the broadcast address", "255.255.255.255:80"),
        ("the other family", "[::1]:80"),
        ("an unspecified address", "0.0.0.0:80"),
        ("port 0", "127.0.0.1:0"),
    ] {
        report.line(&format!("tcp connect to {case}"), socket.connect(at(target)?).await);
    }
    report.line("tcp connect, after arguments that were invalid", socket.connect(here).await);
    let (_listener, here, _connections) = listening("[::1]:0")?;
    let socket = TcpSocket::create(V6)?;
    for (case, target) in [
        ("a multicast address", "[ff02::1]:80"),
        ("the other family", "127.0.0.1:80"),
        ("ipv4 in disguise", "[::ffff:127.0.0.1]:80"),
        ("an unspecified address", "[::]:80"),
        ("port 0", "[::1]:0"),
    ] {
        report.line(&format!("tcp of ipv6 connect to {case}"), socket.connect(at(target)?).await);
    }
    report.line("tcp of ipv6 connect, after arguments that were invalid", socket.connect(here).await);
    Ok(())
}

async fn chosen(report: &mut Report) -> Outcome<()> {
    for (case, address) in
        [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0"), ("loopback of ipv6", "[::1]:0")]
    {
        let local = bound(address)?.get_local_address().map(shown);
        report.says(&format!("tcp bound to {case}, port 0: local-address"), local);
    }
    let (client, _server, _listener) = pair(bound("[::1]:0")?).await?;
    report.says("tcp of ipv6 connected: local-address", client.get_local_address().map(shown));
    report.says("tcp of ipv6 connected: remote-address", client.get_remote_address().map(shown));
    let (_listener, there, _connections) = listening("127.0.0.1:0")?;
    for (case, address) in [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0")] {
        let socket = bound(address)?;
        let chosen = port_of(socket.get_local_address()?);
        socket.connect(there).await?;
        let now = socket.get_local_address()?;
        report.note(&format!("tcp bound to {case}, connected: local-address"), &shown(now));
        let same = port_of(now) == chosen;
        report.is(&format!("tcp bound to {case}, connected: the port is the same"), same);
    }
    Ok(())
}

/// Notes the outcome of a bind to `address`, of a socket that is gone after it.
fn try_bind(report: &mut Report, call: &str, address: &str) -> Outcome<()> {
    let parsed = crate::address::parse(address)?;
    report.line(call, TcpSocket::create(parsed.family)?.bind(parsed.address));
    Ok(())
}

fn in_use(report: &mut Report) -> Outcome<()> {
    let first = bound("127.0.0.1:0")?;
    let here = first.get_local_address()?;
    let again = TcpSocket::create(V4)?;
    report.line("tcp bind to an address that is bound", again.bind(here));
    drop(again);
    let _connections = first.listen()?;
    report.line("tcp bind to an address that is listened on", TcpSocket::create(V4)?.bind(here));
    let port = port_of(here);
    try_bind(report, "tcp bind to the same port of the other family", &format!("[::1]:{port}"))?;
    let udp = bound_udp(&format!("127.0.0.1:{port}"));
    report.note("tcp bind to the same port as udp", if udp.is_ok() { "ok" } else { "failed" });
    Ok(())
}

fn in_use_of_ipv6(report: &mut Report) -> Outcome<()> {
    for (case, first, second) in [("loopback", "[::1]:", "[::]:"), ("unspecified", "[::]:", "[::1]:")] {
        let (_listener, here, _connections) = listening(&format!("{first}0"))?;
        let other = format!("{second}{}", port_of(here));
        try_bind(report, &format!("tcp of ipv6 bind, listened on at {case}"), &other)?;
    }
    Ok(())
}

async fn free_again(report: &mut Report) -> Outcome<()> {
    let first = bound("127.0.0.1:0")?;
    let here = first.get_local_address()?;
    drop(first);
    let second = TcpSocket::create(V4)?;
    report.line("tcp bind to an address that was bound", second.bind(here));
    let (client, server, listener) = pair(second).await?;
    // The side that closes first keeps the state TIME_WAIT.
    drop((server, listener));
    drop(client);
    let third = TcpSocket::create(V4)?;
    report.line("tcp bind to an address that a connection had just now", third.bind(here));
    report.line("tcp listen there", third.listen());
    Ok(())
}

/// Conflicts of an unspecified address, on a port that the instance may use there.
fn wildcards(report: &mut Report, port: u16) -> Outcome<()> {
    for (case, first, second) in
        [("loopback", "127.0.0.1", "0.0.0.0"), ("unspecified", "0.0.0.0", "127.0.0.1")]
    {
        let _listening = listening(&format!("{first}:{port}"))?;
        try_bind(report, &format!("tcp bind, listened on at {case}"), &format!("{second}:{port}"))?;
    }
    let _listening = listening(&format!("0.0.0.0:{port}"))?;
    let sixth = bound(&format!("[::]:{port}"))?;
    report.line("tcp of ipv6 listen, listened on at unspecified of ipv4", sixth.listen());
    Ok(())
}
