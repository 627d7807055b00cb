//! Days and times of the calendar, in UTC.

use std::fmt;

const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A minute, as people write it: `21 November 2026, 17:04`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    year: u64,
    /// From 1.
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
}

impl Date {
    /// The minute that is so many seconds after the beginning of 1970.
    pub(crate) fn of(seconds: u64) -> Self {
        let (days, rest) = (seconds / SECONDS_OF_A_DAY, seconds % SECONDS_OF_A_DAY);
        let (mut year, mut day) = (1970, days.min(365 * 8000));
        while day >= days_of_year(year) {
            day -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        Self { year, month, day: day + 1, hour: rest / 3600, minute: rest % 3600 / 60 }
    }

    /// The same for programs: `2026-11-21T17:04Z`.
    pub(crate) fn machine_readable(self) -> String {
        let Self { year, month, day, hour, minute } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}Z")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let months = MONTHS.iter().zip(1..);
        let month = months.filter(|(_, number)| *number == self.month).map(|(name, _)| *name).next();
        let Self { year, day, hour, minute, .. } = self;
        write!(f, "{day} {} {year}, {hour:02}:{minute:02}", month.unwrap_or_default())
    }
}

const fn is_leap_year(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap_year(year) { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn seconds_become_a_day_of_the_calendar() {
        for (seconds, written, machine) in [
            (0, "1 January 1970, 00:00", "1970-01-01T00:00Z"),
            (951_782_399, "28 February 2000, 23:59", "2000-02-28T23:59Z"),
            (951_782_400, "29 February 2000, 00:00", "2000-02-29T00:00Z"),
            (1_795_280_640, "21 November 2026, 17:04", "2026-11-21T17:04Z"),
            (4_107_542_400, "1 March 2100, 00:00", "2100-03-01T00:00Z"),
        ] {
            let date = Date::of(seconds);
            assert_eq!((date.to_string().as_str(), date.machine_readable().as_str()), (written, machine));
        }
    }

    #[test]
    fn a_time_beyond_all_calendars_ends_too() {
        assert!(Date::of(u64::MAX).to_string().len() < 40);
    }
}
