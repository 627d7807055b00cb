//! Which addresses TCP takes, which it gives, and which are in use.

use wasip2::sockets::network::ErrorCode;

use crate::address::{at, family, port, shown};
use crate::report::{Report, Scenario};
use crate::sockets::{V4, V6, bind, bound, bound_udp, connect, listen, listening, pair, tcp};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("tcp bind arguments", bind_arguments),
    ("tcp connect arguments", connect_arguments),
    ("tcp chosen addresses", chosen),
    ("tcp addresses in use", in_use),
    ("tcp addresses in use of ipv6", in_use_of_ipv6),
    ("tcp addresses free again", free_again),
];

/// The outcome of a bind to `address`, of a socket that is gone after it.
fn try_bind(address: &str) -> Result<(), ErrorCode> {
    bound(address).map(drop)
}

fn bind_arguments(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    report.line("tcp bind to a multicast address", bind(&socket, at("224.0.0.1:80")?));
    report.line("tcp bind to the broadcast address", bind(&socket, at("255.255.255.255:80")?));
    report.line("tcp bind to the other family", bind(&socket, at("[::1]:0")?));
    report.line("tcp bind to a foreign address", bind(&socket, at("192.0.2.1:80")?));
    report.line("tcp bind, after binds that failed", bind(&socket, at("127.0.0.1:0")?));
    let socket = tcp(V6)?;
    report.line("tcp of ipv6 bind to a multicast address", bind(&socket, at("[ff02::1]:80")?));
    report.line("tcp of ipv6 bind to the other family", bind(&socket, at("127.0.0.1:0")?));
    report.line("tcp of ipv6 bind to ipv4 in disguise", bind(&socket, at("[::ffff:127.0.0.1]:0")?));
    report.line("tcp of ipv6 bind to unspecified ipv4 in disguise", bind(&socket, at("[::ffff:0.0.0.0]:0")?));
    report.line("tcp of ipv6 bind to a foreign address", bind(&socket, at("[2001:db8::1]:80")?));
    report.line("tcp of ipv6 bind, after binds that failed", bind(&socket, at("[::1]:0")?));
    Ok(())
}

fn connect_arguments(report: &mut Report) -> Result<(), ErrorCode> {
    let listener = listening("127.0.0.1:0")?;
    let socket = tcp(V4)?;
    report.line("tcp connect to a multicast address", connect(&socket, at("224.0.0.1:80")?));
    report.line("tcp connect to the broadcast address", connect(&socket, at("255.255.255.255:80")?));
    report.line("tcp connect to the other family", connect(&socket, at("[::1]:80")?));
    report.line("tcp connect to an unspecified address", connect(&socket, at("0.0.0.0:80")?));
    report.line("tcp connect to port 0", connect(&socket, at("127.0.0.1:0")?));
    report
        .line("tcp connect, after arguments that were invalid", connect(&socket, listener.local_address()?));
    let listener = listening("[::1]:0")?;
    let socket = tcp(V6)?;
    report.line("tcp of ipv6 connect to a multicast address", connect(&socket, at("[ff02::1]:80")?));
    report.line("tcp of ipv6 connect to the other family", connect(&socket, at("127.0.0.1:80")?));
    report.line("tcp of ipv6 connect to ipv4 in disguise", connect(&socket, at("[::ffff:127.0.0.1]:80")?));
    report.line("tcp of ipv6 connect to an unspecified address", connect(&socket, at("[::]:80")?));
    report.line("tcp of ipv6 connect to port 0", connect(&socket, at("[::1]:0")?));
    let last = connect(&socket, listener.local_address()?);
    report.line("tcp of ipv6 connect, after arguments that were invalid", last);
    Ok(())
}

fn chosen(report: &mut Report) -> Result<(), ErrorCode> {
    for (case, address) in
        [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0"), ("loopback of ipv6", "[::1]:0")]
    {
        let socket = bound(address)?;
        report
            .says(&format!("tcp bound to {case}, port 0: local-address"), socket.local_address().map(shown));
    }
    let (client, _server, _listener) = pair(listening("[::1]:0")?)?;
    report.says("tcp of ipv6 connected: local-address", client.socket.local_address().map(shown));
    report.says("tcp of ipv6 connected: remote-address", client.socket.remote_address().map(shown));
    let listener = listening("127.0.0.1:0")?;
    for (case, address) in [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0")] {
        let socket = bound(address)?;
        let chosen = port(socket.local_address()?);
        let _streams = connect(&socket, listener.local_address()?)?;
        let now = socket.local_address()?;
        report.note(&format!("tcp bound to {case}, connected: local-address"), &shown(now));
        report.is(&format!("tcp bound to {case}, connected: the port is the same"), port(now) == chosen);
    }
    Ok(())
}

fn in_use(report: &mut Report) -> Result<(), ErrorCode> {
    let first = bound("127.0.0.1:0")?;
    let here = first.local_address()?;
    let again = tcp(V4)?;
    report.line("tcp bind to an address that is bound", bind(&again, here));
    drop(again);
    listen(&first)?;
    report.line("tcp bind to an address that is listened on", bind(&tcp(V4)?, here));
    report.line("tcp bind to the same port of the other family", try_bind(&format!("[::1]:{}", port(here))));
    report
        .line("tcp bind to the same port as udp", bound_udp(&format!("127.0.0.1:{}", port(here))).map(drop));
    Ok(())
}

fn in_use_of_ipv6(report: &mut Report) -> Result<(), ErrorCode> {
    for (case, first, second) in [("loopback", "[::1]:", "[::]:"), ("unspecified", "[::]:", "[::1]:")] {
        let listener = listening(&format!("{first}0"))?;
        let other = format!("{second}{}", port(listener.local_address()?));
        report.line(&format!("tcp of ipv6 bind, listened on at {case}"), try_bind(&other));
    }
    Ok(())
}

fn free_again(report: &mut Report) -> Result<(), ErrorCode> {
    let first = bound("127.0.0.1:0")?;
    let here = first.local_address()?;
    drop(first);
    let second = tcp(family(here))?;
    report.line("tcp bind to an address that was bound", bind(&second, here));
    listen(&second)?;
    let (client, server, listener) = pair(second)?;
    // The side that closes first keeps the state TIME_WAIT.
    drop((server, listener));
    drop(client);
    let third = tcp(V4)?;
    report.line("tcp bind to an address that a connection had just now", bind(&third, here));
    report.line("tcp listen there", listen(&third));
    Ok(())
}

/// Conflicts of an unspecified address, on a port that the instance may use there.
pub fn wildcards(report: &mut Report, port: u16) -> Result<(), ErrorCode> {
    for (case, first, second) in
        [("loopback", "127.0.0.1", "0.0.0.0"), ("unspecified", "0.0.0.0", "127.0.0.1")]
    {
        let _listener = listening(&format!("{first}:{port}"))?;
        report.line(&format!("tcp bind, listened on at {case}"), try_bind(&format!("{second}:{port}")));
    }
    let _listener = listening(&format!("0.0.0.0:{port}"))?;
    let sixth = bound(&format!("[::]:{port}"))?;
    report.line("tcp of ipv6 listen, listened on at unspecified of ipv4", listen(&sixth));
    Ok(())
}
