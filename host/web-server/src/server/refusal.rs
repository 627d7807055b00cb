//! The answers that the server gives itself.

use bytes::Bytes;
use http::StatusCode;

use super::exchange::Verdict;
use super::limits::WebLimits;
use super::normal_form::Malformed;

/// A request that the server answers itself, and what it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: Bytes,
    /// Seconds after which the client may try again.
    pub(super) retry_after: Option<u64>,
    /// Whether the connection cannot be used any more, because the rest of the request is not read.
    pub(super) closes: bool,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, text: text.into(), retry_after: None, closes: false }
    }

    fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    pub(super) fn malformed(malformed: Malformed) -> Self {
        let status = match malformed {
            Malformed::Connect => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, malformed.to_string()).closing()
    }

    pub(super) fn too_long(limit: u64) -> Self {
        let text =
            format!("the request's body is longer than {limit} bytes, which is all that this role takes\n");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, text).closing()
    }

    pub(super) fn queue_is_full(limits: &WebLimits) -> Self {
        let text = format!("{} requests wait for this role instance already\n", limits.queue);
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }

    pub(super) fn no_site() -> Self {
        Self::new(StatusCode::NOT_FOUND, "this role has no site with that name\n")
    }

    /// What the application said cannot be sent.
    pub(super) fn senseless() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "the role instance gave a response that is not one\n")
    }

    /// The server has given up.
    pub(super) fn verdict(verdict: Verdict, limits: &WebLimits) -> Self {
        match verdict {
            Verdict::Queued => {
                let seconds = limits.queue_time.as_secs();
                let text =
                    format!("the role instance has been busy for {seconds} seconds with other requests\n");
                let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, text).closing();
                Self { retry_after: Some(seconds.clamp(1, 60)), ..refusal }
            }
            Verdict::Unanswered => {
                let seconds = limits.response_time.as_secs();
                let text = format!("the role instance has not answered in {seconds} seconds\n");
                Self::new(StatusCode::GATEWAY_TIMEOUT, text).closing()
            }
            Verdict::TooLong => Self::too_long(limits.body_bytes.unwrap_or(u64::MAX)),
            Verdict::TooSlow => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "the request's body came too slowly\n").closing()
            }
        }
    }
}

/// What a client is told that was too slow with the head of a request. No request is there to be answered, so it is
/// written by hand.
pub(super) const HEAD_TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 35\r\n\r\nthe request's head came too slowly\n";

/// What a client is told for which there is no room.
pub(super) const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 49\r\n\r\nthis role instance has no room for a connection.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_has_the_length_that_it_says() {
        for written in [HEAD_TIMED_OUT, NO_ROOM] {
            let text = std::str::from_utf8(written).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            assert_eq!(length.parse(), Ok(body.len()), "{text}");
        }
    }
}
