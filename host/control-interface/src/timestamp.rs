//! Times on the wire: RFC 3339 in UTC, with microseconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::{NameError, on_the_wire_as_text};

const SECONDS_PER_DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_PER_400_YEARS: u64 = 146_097;

/// A time since 1970-01-01T00:00:00Z. On the wire text such as `2026-11-21T07:25:11.000123Z`: always UTC, always six digits
/// of a second, so that texts are in the order of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(Duration);

impl Timestamp {
    /// From the time since 1970, as a clock gives it. What is less than a microsecond is left out.
    #[must_use]
    pub fn since_1970(time: Duration) -> Self {
        Self(Duration::new(time.as_secs(), time.subsec_micros() * 1_000))
    }

    /// The time since 1970.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = date(seconds / SECONDS_PER_DAY);
        let of_day = seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let micros = self.0.subsec_micros();
        f.pad(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"))
    }
}

impl FromStr for Timestamp {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        parse(text).ok_or_else(|| {
            NameError::new(text, "time", "it has the form 2026-11-21T07:25:11.000123Z, not before 1970")
        })
    }
}

on_the_wire_as_text!(Timestamp);

/// Year, month and day. Years are counted from March, so that the leap day is the last of its year and the lengths of the
/// months follow one formula.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970.saturating_add(DAYS_BEFORE_1970);
    let (era, day_of_era) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
    let leap_corrected = day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096;
    let year_of_era = leap_corrected / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`date`]; none for a day before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let from_march = if month > 2 { year } else { year.checked_sub(1)? };
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (from_march / 400, from_march % 400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * DAYS_PER_400_YEARS + day_of_era).checked_sub(DAYS_BEFORE_1970)
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date_part, time_part) = text.strip_suffix('Z')?.split_once('T')?;
    let (time_part, fraction) = time_part.split_once('.').unwrap_or((time_part, "0"));
    let [year, month, day] = numbers(date_part, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time_part, ':', [2, 2, 2])?;
    let micros = micros(fraction)?;
    let in_range =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let days = in_range.then(|| days_since_1970(year, month, day))??;
    // A day that its month does not have comes out as another one.
    (date(days) == (year, month, day)).then_some(())?;
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Some(Timestamp(Duration::new(seconds, micros * 1_000)))
}

fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut read = [0; 3];
    for (number, digits) in read.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && all_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(read)
}

fn micros(fraction: &str) -> Option<u32> {
    let digits = (1..=9).contains(&fraction.len()) && all_digits(fraction);
    let padded: String = fraction.chars().chain("00000".chars()).take(6).collect();
    digits.then(|| padded.parse().ok()).flatten()
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar_both_ways() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ];
        for (seconds, text) in cases {
            let time = Timestamp::since_1970(Duration::from_secs(seconds));
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
        let time = Timestamp::since_1970(Duration::from_nanos(1_500_001_999));
        assert_eq!(time.to_string(), "1970-01-01T00:00:01.500001Z");
        assert_eq!("1970-01-01T00:00:01.5Z".parse(), Ok(Timestamp(Duration::from_millis(1_500))));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "2026-11-21",
            "2026-11-21T07:25:11",
            "2026-11-21T07:25:11+01:00",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-1-01T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.-1Z",
            "+026-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
        ] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }
}
