//! Dates of the Gregorian calendar, in UTC. Pure.

use std::time::Duration;

/// A moment, as a person reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: u64,
    /// 1 to 12.
    pub(super) month: u64,
    /// 1 to 31.
    pub(super) day: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
    pub(super) second: u64,
    pub(super) millisecond: u32,
}

impl Moment {
    /// `wall`: time since 1970.
    pub(super) fn of(wall: Duration) -> Self {
        let seconds = wall.as_secs();
        // Eras of 400 years begin on a March 1st, so that the leap day is the last of a year.
        let days = (seconds / 86_400).saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: wall.subsec_millis(),
        }
    }

    /// The month as the combined log format has it.
    pub(super) fn month_name(&self) -> &'static str {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let position = usize::try_from(self.month.saturating_sub(1)).unwrap_or_default();
        NAMES.get(position).copied().unwrap_or("Dec")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_days_of_the_calendar() {
        let cases = [
            (0, (1970, 1, 1, 0, 0, 0)),
            (86_399, (1970, 1, 1, 23, 59, 59)),
            (951_782_400, (2000, 2, 29, 0, 0, 0)),
            (951_868_800, (2000, 3, 1, 0, 0, 0)),
            (971_211_336, (2000, 10, 10, 20, 55, 36)),
            (1_735_689_599, (2024, 12, 31, 23, 59, 59)),
            (4_107_542_400, (2100, 3, 1, 0, 0, 0)),
        ];
        for (seconds, expected) in cases {
            let Moment { year, month, day, hour, minute, second, .. } =
                Moment::of(Duration::from_secs(seconds));
            assert_eq!((year, month, day, hour, minute, second), expected, "{seconds}");
        }
    }
}
