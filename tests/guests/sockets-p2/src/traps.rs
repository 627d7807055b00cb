//! Rules of WASI 0.2 that a host answers with a trap.

use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::udp::OutgoingDatagram;

use crate::sockets::bound_udp;

/// Breaks a rule of the streams of datagrams.
pub fn trap(case: &str) -> Result<(), ErrorCode> {
    let socket = bound_udp("127.0.0.1:0")?;
    let (_incoming, outgoing) = socket.stream(None)?;
    let own = socket.local_address()?;
    let many = |count: usize| -> Vec<OutgoingDatagram> {
        let one = || OutgoingDatagram { data: vec![7], remote_address: Some(own) };
        std::iter::repeat_with(one).take(count).collect()
    };
    match case {
        "streams" => socket.stream(None).map(drop),
        "permit" => {
            let permit = usize::try_from(outgoing.check_send()?).unwrap_or(usize::MAX);
            outgoing.send(&many(permit.saturating_add(1))).map(drop)
        }
        "permit-twice" => {
            outgoing.check_send()?;
            outgoing.send(&many(1))?;
            outgoing.send(&many(1)).map(drop)
        }
        _ => outgoing.send(&many(1)).map(drop),
    }
}
