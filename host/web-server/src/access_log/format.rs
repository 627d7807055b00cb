//! The lines of the access log. Pure.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::{StatusCode, Version};

use super::calendar::Moment;

/// More bytes of anything that a client says are not logged.
const LONGEST_FIELD: usize = 2_048;

/// What is logged when the client has gone before there was an answer, as other servers do.
const CLIENT_GONE: u16 = 499;

/// What is known about a request that is over. What is in bytes was said by the client, and is hostile.
pub(super) struct Entry<'a> {
    pub(super) peer: IpAddr,
    pub(super) began: Duration,
    pub(super) method: &'a str,
    pub(super) target: &'a [u8],
    pub(super) version: Version,
    pub(super) host: Option<&'a [u8]>,
    pub(super) referer: Option<&'a [u8]>,
    pub(super) agent: Option<&'a [u8]>,
    pub(super) id: Option<&'a [u8]>,
    pub(super) status: Option<StatusCode>,
    pub(super) bytes: u64,
    pub(super) duration: Duration,
}

impl Entry<'_> {
    fn status(&self) -> u16 {
        self.status.map_or(CLIENT_GONE, |status| status.as_u16())
    }

    fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP/1.1",
        }
    }

    /// Peer, time, request, status, bytes, referer, user agent; then the id of the request and the duration.
    pub(super) fn combined(&self) -> String {
        let at = Moment::of(self.began);
        let mut line = String::with_capacity(256);
        // Writing to a string does not fail.
        let _ = write!(
            line,
            "{} - - [{:02}/{}/{}:{:02}:{:02}:{:02} +0000] \"",
            self.peer,
            at.day,
            at.month_name(),
            at.year,
            at.hour,
            at.minute,
            at.second,
        );
        escape(&mut line, self.method.as_bytes());
        line.push(' ');
        escape(&mut line, self.target);
        let _ = write!(line, " {}\" {} {} \"", self.protocol(), self.status(), self.bytes);
        escape(&mut line, self.referer.unwrap_or(b"-"));
        line.push_str("\" \"");
        escape(&mut line, self.agent.unwrap_or(b"-"));
        line.push_str("\" \"");
        escape(&mut line, self.id.unwrap_or(b"-"));
        let _ = write!(line, "\" {:.6}", self.duration.as_secs_f64());
        line
    }

    /// The same and the host as an object.
    pub(super) fn json(&self) -> String {
        let at = Moment::of(self.began);
        let mut line = String::with_capacity(384);
        let _ = write!(
            line,
            "{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\"peer\":\"{}\"",
            at.year, at.month, at.day, at.hour, at.minute, at.second, at.millisecond, self.peer,
        );
        member(&mut line, "method", Some(self.method.as_bytes()));
        member(&mut line, "target", Some(self.target));
        member(&mut line, "protocol", Some(self.protocol().as_bytes()));
        member(&mut line, "host", self.host);
        let _ = write!(
            line,
            ",\"status\":{},\"bytes\":{},\"seconds\":{:.6}",
            self.status(),
            self.bytes,
            self.duration.as_secs_f64(),
        );
        member(&mut line, "referer", self.referer);
        member(&mut line, "userAgent", self.agent);
        member(&mut line, "requestId", self.id);
        line.push('}');
        line
    }
}

fn cut(bytes: &[u8]) -> (&[u8], &'static str) {
    bytes
        .get(..LONGEST_FIELD)
        .map_or((bytes, ""), |start| (start, if bytes.len() > LONGEST_FIELD { "..." } else { "" }))
}

/// Whether it can stand between quotes as it is.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn escape(line: &mut String, bytes: &[u8]) {
    let (bytes, rest) = cut(bytes);
    for byte in bytes {
        if is_plain(*byte) {
            line.push(char::from(*byte));
        } else {
            let _ = write!(line, "\\x{byte:02X}");
        }
    }
    line.push_str(rest);
}

/// A member of an object. What is not UTF-8 is replaced.
fn member(line: &mut String, name: &str, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    let _ = write!(line, ",\"{name}\":\"");
    let (value, rest) = cut(value);
    for character in String::from_utf8_lossy(value).chars() {
        match u8::try_from(character) {
            Ok(byte) if is_plain(byte) => line.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
    line.push_str(rest);
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            peer: [203, 0, 113, 7].into(),
            began: Duration::from_millis(971_211_336_250),
            method: "GET",
            target: b"/apache_pb.gif?a=1",
            version: Version::HTTP_10,
            host: Some(b"www.example.com"),
            referer: Some(b"http://www.example.com/start.html"),
            agent: Some(b"Mozilla/4.08"),
            id: Some(b"00ff"),
            status: Some(StatusCode::OK),
            bytes: 2_326,
            duration: Duration::from_micros(1_500),
        }
    }

    #[test]
    fn a_line_is_the_combined_format_with_two_more_fields() {
        let expected = "203.0.113.7 - - [10/Oct/2000:20:55:36 +0000] \"GET /apache_pb.gif?a=1 HTTP/1.0\" 200 2326 \
            \"http://www.example.com/start.html\" \"Mozilla/4.08\" \"00ff\" 0.001500";
        assert_eq!(entry().combined(), expected);
    }

    #[test]
    fn a_line_of_json_says_the_same() {
        let expected = "{\"time\":\"2000-10-10T20:55:36.250Z\",\"peer\":\"203.0.113.7\",\"method\":\"GET\",\
            \"target\":\"/apache_pb.gif?a=1\",\"protocol\":\"HTTP/1.0\",\"host\":\"www.example.com\",\"status\":200,\
            \"bytes\":2326,\"seconds\":0.001500,\"referer\":\"http://www.example.com/start.html\",\
            \"userAgent\":\"Mozilla/4.08\",\"requestId\":\"00ff\"}";
        assert_eq!(entry().json(), expected);
    }

    #[test]
    fn what_a_client_has_not_said_is_a_dash_and_who_has_gone_is_499() {
        let entry = Entry { referer: None, agent: None, id: None, status: None, bytes: 0, ..entry() };
        assert!(
            entry.combined().ends_with(" HTTP/1.0\" 499 0 \"-\" \"-\" \"-\" 0.001500"),
            "{}",
            entry.combined()
        );
        assert!(!entry.json().contains("referer"));
    }

    #[test]
    fn hostile_bytes_stay_between_their_quotes() {
        let agent = b"\" 200 1\n\x1b[31m\\ \xff \xe2\x80\xae \0";
        let entry = Entry { agent: Some(agent), ..entry() };
        let line = entry.combined();
        assert!(line.contains(r#""\x22 200 1\x0A\x1B[31m\x5C \xFF \xE2\x80\xAE \x00""#), "{line}");
        let json = entry.json();
        assert!(json.contains(r#""\u0022 200 1\u000a\u001b[31m\u005c \ufffd \u202e \u0000""#), "{json}");
        for line in [line, json] {
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = vec![b'\n'; 100_000];
        let entry = Entry { target: &long, agent: Some(&long), referer: Some(&long), ..entry() };
        for line in [entry.combined(), entry.json()] {
            assert!(line.len() < 40_000 && line.contains("..."), "{}", line.len());
        }
    }
}
