//! Time-outs, on paused time.

use std::time::Duration;

use tokio::time::Instant;

use super::servers::serve;
use super::{BOTH, Bed};

/// What the guest said, and after how many milliseconds, in tenths of a second.
async fn timed(bed: &Bed, guest: &str, command: &str) -> (String, Duration) {
    let begun = Instant::now();
    let said = bed.run(guest, command).await;
    let tenths = begun.elapsed().as_millis() / 100;
    (said, Duration::from_millis(u64::try_from(tenths).unwrap() * 100))
}

#[tokio::test(start_paused = true)]
async fn a_guests_time_outs_hold_to_the_moment() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    bed.let_out(&["93.184.216.34", "slow.example.com"], None);
    for guest in BOTH {
        for (command, said, seconds) in [
            ("get http://Open_IN_0:8080/silent first=5000", "ConnectionReadTimeout", 5),
            ("get http://Open_IN_0:8080/stall between=7000", "200 then ConnectionReadTimeout", 7),
            ("get http://93.184.216.34/hello connect=3000", "ConnectionTimeout", 3),
            ("get http://slow.example.com/hello connect=3000", "ConnectionTimeout", 3),
            ("get http://slow.example.com/hello", "DnsTimeout", 10),
            ("get http://Open_IN_0:8080/silent", "ConnectionReadTimeout", 600),
            // Nobody waits longer than the longest.
            ("get http://Open_IN_0:8080/silent first=900000000", "ConnectionReadTimeout", 600),
            ("get http://Open_IN_0:8080/hello connect=1000 first=1000 between=1000", "200 hello", 0),
        ] {
            let outcome = timed(&bed, guest, command).await;
            assert_eq!(outcome, (said.to_owned(), Duration::from_secs(seconds)), "{guest} {command}");
        }
    }
}
