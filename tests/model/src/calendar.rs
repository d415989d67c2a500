//! The portal's times: seconds since 1970 and the text of a `TIMESTAMP_X`.

const DAY: u64 = 86_400;

/// The text that the portal writes.
pub(crate) fn text(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY);
    let of_day = seconds % DAY;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
}

/// The seconds that such a text says.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    Some(days * DAY + number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?)
}

/// Year, month and day of a day since 1970; the years begin in March, so that a leap day ends one.
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, date)
}

fn days(year: u64, month: u64, date: u64) -> u64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_era = shifted % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    shifted / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        assert_eq!(text(951_782_400), "2000-02-29T00:00:00+00:00");
        for day in 0..40_000 {
            let time = day * DAY + day % DAY;
            assert_eq!(seconds(&text(time)), Some(time));
        }
    }
}
