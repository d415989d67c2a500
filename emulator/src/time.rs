//! Dates as the portal writes them: `2026-11-23T08:19:19+00:00`.

/// Milliseconds of a day.
pub(crate) const DAY: u64 = 86_400_000;

/// Writes seconds since the epoch as a date in a zone so many minutes east of UTC.
pub(crate) fn iso(seconds: u64, offset_minutes: i16) -> String {
    let local = i64::try_from(seconds).unwrap_or(i64::MAX / 2) + i64::from(offset_minutes) * 60;
    let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let offset = i64::from(offset_minutes.unsigned_abs());
    let parts = [
        ('-', month),
        ('-', day),
        ('T', rest / 3_600),
        (':', rest / 60 % 60),
        (':', rest % 60),
        (sign, offset / 60),
        (':', offset % 60),
    ];
    // each answer has dozens of them
    let mut text = String::with_capacity(25);
    push_two(&mut text, year / 100);
    push_two(&mut text, year % 100);
    for (before, number) in parts {
        text.push(before);
        push_two(&mut text, number);
    }
    text
}

/// A number below a hundred.
fn push_two(text: &mut String, number: i64) {
    for digit in [number / 10 % 10, number % 10] {
        text.extend(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)));
    }
}

/// Reads a date written by [`iso`], also with a blank for `T`, without the zone (then `offset_minutes`) or without
/// the time of day. Seconds since the epoch.
pub(crate) fn parse(text: &str, offset_minutes: i16) -> Option<i64> {
    let text = text.trim();
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let separators = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let days = days(field(0, 4)?, field(5, 7)?, field(8, 10)?);
    if !separators {
        return None;
    }
    if text.len() == 10 {
        return Some(days * 86_400 - i64::from(offset_minutes) * 60);
    }
    let seconds = field(11, 13)? * 3_600 + field(14, 16)? * 60 + field(17, 19)?;
    let zone = text.get(19..).unwrap_or_default();
    let offset = if zone.is_empty() {
        i64::from(offset_minutes)
    } else if zone == "Z" {
        0
    } else {
        let minutes = field(20, 22)? * 60 + field(23, 25)?;
        if zone.starts_with('-') { -minutes } else { minutes }
    };
    Some(days * 86_400 + seconds - offset * 60)
}

/// Year, month and day of a day since 1970-01-01, by the calendar that begins its years in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The way back of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::{iso, parse};

    #[test]
    fn dates_are_written_and_read_back() {
        assert_eq!(iso(1_721_299_720, 120), "2024-07-18T12:48:40+02:00");
        assert_eq!(iso(0, -90), "1969-12-31T22:30:00-01:30");
        for seconds in (0..4_000_000_000_u64).step_by(86_399 * 37) {
            for offset in [0, 180, -330] {
                let read = parse(&iso(seconds, offset), 0).unwrap();
                assert_eq!(read, i64::try_from(seconds).unwrap());
            }
        }
        assert_eq!(parse("2024-07-18 12:48:40", 120), Some(1_721_299_720));
        assert_eq!(parse("2024-07-18", 0), Some(1_721_260_800));
        assert_eq!(parse("yesterday", 0), None);
    }
}
