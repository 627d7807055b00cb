//! The `Date` of responses.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;

/// Writes the date once for each second.
#[derive(Debug, Default)]
pub(super) struct DateHeader(Mutex<Option<(u64, HeaderValue)>>);

impl DateHeader {
    /// The value at `wall`, the time since 1970.
    pub(super) fn now(&self, wall: Duration) -> HeaderValue {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((second, value)) if *second == wall.as_secs() => value.clone(),
            _ => last.insert((wall.as_secs(), written(wall))).1.clone(),
        }
    }
}

fn written(wall: Duration) -> HeaderValue {
    /// The last second of the year 9999; the format has no room for more.
    const LATEST: u64 = 253_402_300_799;
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(wall.as_secs().min(LATEST)));
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_follows_the_clock_that_is_handed_in() {
        let date = DateHeader::default();
        for _ in 0..2 {
            assert_eq!(date.now(Duration::from_millis(784_111_777_900)), "Sun, 06 Nov 1994 08:49:37 GMT");
        }
        assert_eq!(date.now(Duration::from_secs(784_111_778)), "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(date.now(Duration::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
