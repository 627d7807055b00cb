//! How long something takes or lasts, for people.

use std::time::Duration;

use wasm_roles_control_interface::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago something was, in the largest unit that it has twice: `90 s`, `5 min`, `47 h`, `3 d`.
pub fn age(now: Timestamp, since: Timestamp) -> String {
    let seconds = now.as_duration().saturating_sub(since.as_duration()).as_secs();
    let (unit, name) = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min")]
        .into_iter()
        .find(|(unit, _)| seconds / unit >= 2)
        .unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

/// How long something took: `0.25 s`, `12 s`, `5 min`.
pub fn took(from: Timestamp, to: Timestamp) -> String {
    let took = to.as_duration().saturating_sub(from.as_duration());
    if took < Duration::from_secs(10) { format!("{:.2} s", took.as_secs_f64()) } else { age(to, from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::since_1970(Duration::from_millis(millis))
    }

    #[test]
    fn ages_are_in_a_unit_that_says_enough() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(age(at(seconds * 1000), at(0)), expected);
        }
        assert_eq!(age(at(0), at(5000)), "0 s", "a time that is not yet");
    }

    #[test]
    fn what_is_short_has_hundredths() {
        assert_eq!(took(at(0), at(254)), "0.25 s");
        assert_eq!(took(at(0), at(12_900)), "12 s");
    }
}
