//! Time as the machine sees it: instants given by the host and spans between them.

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z by the host's clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify))]
pub struct Timestamp(pub u64);

#[cfg(feature = "uniffi")]
uniffi::custom_newtype!(Timestamp, u64);

impl Timestamp {
    /// The instant `span` later, at most the end of time.
    ///
    /// ```
    /// use b24_offline_core::{Millis, Timestamp};
    /// assert_eq!(Timestamp(1_000).plus(Millis(500)), Timestamp(1_500));
    /// ```
    #[must_use]
    pub fn plus(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }

    /// How long after `earlier` this is; zero when it is not after.
    ///
    /// ```
    /// use b24_offline_core::{Millis, Timestamp};
    /// assert_eq!(Timestamp(1_500).since(Timestamp(1_000)), Millis(500));
    /// ```
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify))]
pub struct Millis(pub u64);

#[cfg(feature = "uniffi")]
uniffi::custom_newtype!(Millis, u64);

impl Millis {
    /// A span of whole seconds.
    ///
    /// ```
    /// use b24_offline_core::Millis;
    /// assert_eq!(Millis::seconds(2), Millis(2_000));
    /// ```
    #[must_use]
    pub const fn seconds(seconds: u64) -> Millis {
        Millis(seconds.saturating_mul(1_000))
    }

    pub(crate) fn doubled(self, times: u32, most: Millis) -> Millis {
        let factor = 1u64.checked_shl(times.min(40)).unwrap_or(u64::MAX);
        Millis(self.0.saturating_mul(factor)).min(most)
    }
}

/// Seconds since 1970 of a portal's `TIMESTAMP_X` such as `2026-11-23T10:11:12+03:00`.
/// `None` for anything else: such a text is then compared as text.
pub(crate) fn portal_seconds(text: &str) -> Option<i64> {
    let number =
        |from: usize, to: usize| i64::try_from(text.get(from..to)?.parse::<u64>().ok()?).ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let zone = text.get(19..)?;
    let offset = match zone.bytes().next() {
        None | Some(b'Z') => 0,
        Some(sign @ (b'+' | b'-')) => {
            let span = number(20, 22)? * 3_600 + number(23, 25)? * 60;
            if sign == b'-' { -span } else { span }
        }
        Some(_) => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // days of the civil calendar, March first so that the leap day ends a year
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset)
}

/// An instant for people, such as `2026-11-23T10:11:12Z`.
pub(crate) fn utc(at: Timestamp) -> String {
    let (days, of_day) = (at.0 / 86_400_000, at.0 / 1_000 % 86_400);
    // the civil calendar, March first so that the leap day ends a year
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portals_time_is_read_with_its_zone() {
        assert_eq!(portal_seconds("1970-01-01T03:00:00+03:00"), Some(0));
        assert_eq!(portal_seconds("2000-02-29T00:00:00Z"), Some(951_782_400));
        assert_eq!(portal_seconds("2026-11-23T10:11:12-01:30"), Some(1_795_434_072));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-23T10:11:12Ω", "Ω"] {
            assert_eq!(portal_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_is_written_as_it_is_read() {
        for seconds in [0, 951_782_399, 951_782_400, 1_795_434_072, 4_107_542_400, 253_402_300_799]
        {
            let text = utc(Timestamp(seconds * 1_000 + 999));
            assert_eq!(portal_seconds(&text), i64::try_from(seconds).ok(), "{text}");
        }
        assert_eq!(utc(Timestamp(1_795_434_072_000)), "2026-11-23T11:41:12Z");
        assert!(!utc(Timestamp(u64::MAX)).is_empty());
    }

    #[test]
    fn every_day_of_four_centuries_is_read_and_written_as_a_calendar_counts_it() {
        let mut days = 0;
        for year in 1970..2400 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let lengths = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for day in 1..=length {
                    let seconds = days * 86_400 + 11_045;
                    let text = format!("{year}-{month:02}-{day:02}T03:04:05");
                    assert_eq!(portal_seconds(&text), Some(seconds), "{text}");
                    assert_eq!(utc(Timestamp(seconds as u64 * 1_000)), format!("{text}Z"));
                    days += 1;
                }
            }
        }
        assert_eq!(portal_seconds("0000-03-01T00:00:00Z"), Some(-719_468 * 86_400));
        assert_eq!(portal_seconds("0000-02-29T00:00:00Z"), Some(-719_469 * 86_400));
    }

    #[test]
    fn a_zone_is_added_west_of_greenwich_and_taken_away_east_of_it() {
        let noon = 43_200;
        for (zone, away) in [("", 0), ("Z", 0), ("+03:30", -12_600), ("-03:30", 12_600)] {
            let text = format!("1970-01-01T12:00:00{zone}");
            assert_eq!(portal_seconds(&text), Some(noon + away), "{text}");
        }
        for wrong in ["00-01T12:00:00", "1970-00-01T12:00:00", "1970-01-00T12:00:00"] {
            assert_eq!(portal_seconds(wrong), None, "{wrong}");
        }
        for wrong in ["1970-01-32T12:00:00", "1970-01-01T12:00:00+", "1970-01-01T12:00:00+0300"] {
            assert_eq!(portal_seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_span_between_two_times_is_never_negative() {
        assert_eq!(Timestamp(5).since(Timestamp(3)), Millis(2));
        assert_eq!(Timestamp(3).since(Timestamp(5)), Millis(0));
        assert_eq!(Timestamp(3).plus(Millis(2)), Timestamp(5));
        assert_eq!(Timestamp(u64::MAX).plus(Millis(2)), Timestamp(u64::MAX));
    }

    #[test]
    fn doubling_never_overflows() {
        assert_eq!(Millis(u64::MAX).doubled(99, Millis(7)), Millis(7));
        assert_eq!(Millis(5).doubled(2, Millis(100)), Millis(20));
    }
}
