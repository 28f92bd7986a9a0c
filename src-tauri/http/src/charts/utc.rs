//! Moments in words, in UTC: the host does not know in which zone the reader lives.

/// Writes a moment as `2026-11-25T04:12:00Z`.
pub(crate) fn iso(at_ms: i64) -> String {
    let at_s = at_ms.div_euclid(1000);
    let (year, month, day) = civil(at_s.div_euclid(86_400));
    let of_day = at_s.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Writes a moment as `2026-11-25 04:12 UTC`.
pub(crate) fn words(at_ms: i64) -> String {
    let iso = iso(at_ms);
    let end = iso.len() - ":00Z".len();
    format!("{} UTC", iso[..end].replace('T', " "))
}

/// Year, month and day of a day since 1970, by counting in eras of 400 years that begin on a first of March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let told = [0, 951_782_399_000, 951_868_800_000, 1_800_000_000_000, -1].map(iso);
        let expected = [
            "1970-01-01T00:00:00Z",
            "2000-02-28T23:59:59Z",
            "2000-03-01T00:00:00Z",
            "2027-01-15T08:00:00Z",
            "1969-12-31T23:59:59Z",
        ];
        assert_eq!(told, expected);
        assert_eq!(words(1_800_000_000_000), "2027-01-15 08:00 UTC");
    }
}
