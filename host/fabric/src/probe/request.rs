//! The request of a probe over HTTP: one GET on a connection of its own, of whose answer only the status counts.

use std::fmt::Write as _;
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::ProbeFailure;

/// Bytes of an answer in which its status must be.
const STATUS_LINE: usize = 1024;
/// What is read of the rest, so that an instance that answers well does not see a reset.
const REST: u64 = 64 * 1024;
/// How long the rest may take.
const REST_TIME: Duration = Duration::from_secs(1);

/// Asks for `path`. Everything that comes back is hostile.
pub(super) async fn get(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
    host: SocketAddrV4,
) -> Result<(), ProbeFailure> {
    let broken = |_| ProbeFailure::NotHttp;
    stream.write_all(text(path, host).as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    let status = loop {
        if let Some(status) = status_of(&answer) {
            break status;
        }
        let room = STATUS_LINE.saturating_sub(answer.len());
        let read = stream.take(room as u64).read_buf(&mut answer).await.map_err(broken)?;
        if read == 0 {
            return Err(ProbeFailure::NotHttp);
        }
    };
    let rest = async { tokio::io::copy(&mut stream.take(REST), &mut tokio::io::sink()).await };
    // Only politeness: the status is known.
    let _ = timeout(REST_TIME, rest).await;
    match status? {
        200 => Ok(()),
        other => Err(ProbeFailure::Status(other)),
    }
}

/// The request. A path is the author's text, and what HTTP does not allow in a path is escaped.
fn text(path: &str, host: SocketAddrV4) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' => escaped.push(char::from(byte)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    format!(
        "GET {escaped} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Load Balancer Agent\r\nConnection: close\r\n\r\n"
    )
}

/// The status of an answer that begins like this; `None` while it may still come.
fn status_of(answer: &[u8]) -> Option<Result<u16, ProbeFailure>> {
    const BEGIN: &[u8] = b"HTTP/1.";
    let end = answer.iter().position(|byte| *byte == b'\n');
    let line = answer.get(..end.unwrap_or(answer.len())).unwrap_or_default();
    let known = line.len().min(BEGIN.len());
    if line.get(..known) != BEGIN.get(..known) {
        return Some(Err(ProbeFailure::NotHttp));
    }
    end?;
    let status = std::str::from_utf8(line).ok().and_then(|line| line.split_ascii_whitespace().nth(1));
    let number =
        status.filter(|digits| digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit()));
    Some(number.and_then(|digits| digits.parse().ok()).ok_or(ProbeFailure::NotHttp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::duplex;

    const HOST: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 4), 8080);

    /// What the probe makes of a server that sends `answer` and closes.
    async fn verdict(answer: &[u8]) -> Result<(), ProbeFailure> {
        let (mut probe, mut server) = duplex(1 << 20);
        server.write_all(answer).await.unwrap();
        server.shutdown().await.unwrap();
        get(&mut probe, "/", HOST).await
    }

    #[tokio::test]
    async fn only_status_200_is_healthy() {
        let status = |status| Err(ProbeFailure::Status(status));
        let not_http = Err(ProbeFailure::NotHttp);
        let long = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; 2000], b"\r\n\r\n"].concat();
        let cases: &[(&[u8], Result<(), ProbeFailure>)] = &[
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", Ok(())),
            (b"HTTP/1.0 200\r\n\r\n", Ok(())),
            (b"HTTP/1.1 204 No Content\r\n\r\n", status(204)),
            (b"HTTP/1.1 301 Moved\r\n\r\n", status(301)),
            (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", status(500)),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", status(100)),
            (b"", not_http),
            (b"HTTP/1.1 200 OK", not_http),
            (b"HTTP/2 200\r\n", not_http),
            (b"HTTP/1.1 0200 OK\r\n", not_http),
            (b"HTTP/1.1 +20 OK\r\n", not_http),
            (b"HTTP/1.1 \xff\xff\xff OK\r\n", not_http),
            (b"SSH-2.0-OpenSSH_9.6\r\n", not_http),
            (&long, not_http),
        ];
        for (answer, expected) in cases {
            assert_eq!(verdict(answer).await, *expected, "{}", String::from_utf8_lossy(answer));
        }
    }

    #[tokio::test]
    async fn a_status_is_known_when_its_line_is_however_it_is_cut() {
        let (mut probe, mut server) = duplex(64);
        let asked = tokio::spawn(async move { get(&mut probe, "/", HOST).await });
        for byte in b"HTTP/1.1 503 Busy\r\n\r\n" {
            server.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        // It reads to its end what was asked, and answers.
        let mut request = String::new();
        server.shutdown().await.unwrap();
        server.read_to_string(&mut request).await.unwrap();
        assert_eq!(asked.await.unwrap(), Err(ProbeFailure::Status(503)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_healthy_answer_that_never_ends_is_healthy() {
        let (mut probe, mut server) = duplex(1024);
        server.write_all(b"HTTP/1.1 200 OK\r\n\r\nand so on").await.unwrap();
        assert_eq!(get(&mut probe, "/", HOST).await, Ok(()));
        drop(server);
    }

    #[test]
    fn a_path_cannot_leave_its_line() {
        let request = |path| text(path, HOST);
        let expected = "GET /a?b=c HTTP/1.1\r\nHost: 10.0.0.4:8080\r\nUser-Agent: Load Balancer Agent\r\nConnection: close\r\n\r\n";
        assert_eq!(request("/a?b=c"), expected);
        assert!(request("/a b\r\nX: y\u{e9}").starts_with("GET /a%20b%0D%0AX:%20y%C3%A9 HTTP/1.1\r\nHost"));
    }
}
