//! What clients may ask of one instance's web server.

use std::time::Duration;

/// The limits of one instance's web server. All of them hold for each instance on its own.
///
/// Memory: a connection of HTTP/1.1 buffers at most twice [`head_bytes`](Self::head_bytes) and one chunk of the
/// network; one of HTTP/2 besides that [`http2_window`](Self::http2_window) that it has received and as much that
/// it has to send. So much is charged to the memory of the instance for each connection, and a connection that does
/// not fit is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLimits {
    /// Connections at the same time. One more closes the connection that has been idle for the longest time; when
    /// none is idle, the new one is refused with 503. Default: 1,000.
    pub connections: usize,
    /// Bytes of a request's head, or of its trailers; more is 431. At least 8,192. Default: 32 KiB.
    pub head_bytes: usize,
    /// Headers of a request; more is 431. Default: 100.
    pub headers: usize,
    /// Bytes of a request's body; more is 413. `None`: without a limit. Default: 30,000,000, as
    /// `maxAllowedContentLength` of IIS.
    pub body_bytes: Option<u64>,
    /// Requests that wait for the application at the same time; one more is 503. Default: 1,000, as `queueLength`
    /// of IIS.
    pub queue: usize,
    /// How long a request may wait until the application begins with it; then it is 503 with `Retry-After`.
    /// Default: 30 seconds.
    pub queue_time: Duration,
    /// How long the head of a response may take from the moment when the request's head was read; then it is 504.
    /// The body of a response has no time limit as long as it is read. Default: 230 seconds, just under the four
    /// minutes after which the balancer cuts.
    pub response_time: Duration,
    /// How long the head of a request may take from its first byte, or from the start of the connection for its
    /// first request; then it is 408. Default: 30 seconds.
    pub head_time: Duration,
    /// How long a connection is kept that has no request. Default: 120 seconds, as `connectionTimeout` of IIS.
    pub idle_time: Duration,
    /// How quick a client must send a body that is waited for, and take a response. Default: 240 bytes per second,
    /// as `minBytesPerSecond` of IIS, after 20 seconds.
    pub slowest: Slowest,
    /// Streams of one HTTP/2 connection at the same time. Default: 100.
    pub http2_streams: u32,
    /// Bytes that may be on their way in each direction of one HTTP/2 connection. Default: 256 KiB.
    pub http2_window: u32,
    /// How long an HTTP/2 connection may be silent before it is asked for a sign of life, and as long again until
    /// it is closed without one. Default: 60 seconds.
    pub http2_silence: Duration,
    /// How long an idle connection is still read while the server drains, for the request that is on its way when
    /// the client learns of it. Default: 1 second.
    pub drain_idle: Duration,
}

/// The slowest that a client may be. Only the time counts in which the server waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    /// On the average, over the whole of a body.
    pub bytes_per_second: u64,
    /// Before that much waiting, nobody is too slow.
    pub grace: Duration,
}

impl Default for WebLimits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            head_bytes: 32 * 1024,
            headers: 100,
            body_bytes: Some(30_000_000),
            queue: 1_000,
            queue_time: Duration::from_secs(30),
            response_time: Duration::from_secs(230),
            head_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(120),
            slowest: Slowest { bytes_per_second: 240, grace: Duration::from_secs(20) },
            http2_streams: 100,
            http2_window: 256 * 1024,
            http2_silence: Duration::from_secs(60),
            drain_idle: Duration::from_secs(1),
        }
    }
}

impl Slowest {
    /// Whether who took so long for so many bytes is too slow.
    pub(crate) fn exceeded_by(self, bytes: u64, waited: Duration) -> bool {
        if waited <= self.grace {
            return false;
        }
        let due = waited.as_millis().saturating_mul(self.bytes_per_second.into()) / 1_000;
        u128::from(bytes) < due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, seconds of waiting, and whether that is too slow.
    #[test]
    fn a_client_is_too_slow_when_it_is_slower_than_the_rate_after_the_grace() {
        let slowest = Slowest { bytes_per_second: 240, grace: Duration::from_secs(20) };
        let cases = [
            (0, 0, false),
            (0, 20, false),
            (0, 21, true),
            (5_039, 21, true),
            (5_040, 21, false),
            (1_000_000, 3_600, false),
            (800_000, 3_600, true),
            (u64::MAX, u64::MAX, true),
        ];
        for (bytes, seconds, expected) in cases {
            let waited = Duration::from_secs(seconds);
            assert_eq!(slowest.exceeded_by(bytes, waited), expected, "{bytes} bytes in {seconds} s");
        }
    }
}
